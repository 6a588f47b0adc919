"""Settings that the papers print, or the authors' code has, are the defaults: a second copy of them, with the place."""

import pytest

from triptych.dcgan.digits import protocol as digits
from triptych.dcgan.objects import protocol as objects
from triptych.dcgan.objects.parts.surrogate_transforms import Ranges
from triptych.dcgan.studies.arithmetic import demonstrations, filters, forgetting
from triptych.dcgan.studies.pathologies import mode_collapse
from triptych.pipeline import systems

C = "DCGAN, section 5.1"
S = "DCGAN, section 5.2; authors' SVHN script"
COATES = "Coates & Ng 2011; demo code of Coates"
ALEXEY = "Dosovitskiy et al. 2014"
KINGMA = "Kingma et al. 2014; authors' code"
PACGAN = "Lin et al. 2018 and their code"
NEEDED = {"steps": 1, "check_every": 1, "net": "svhn32", "width": 64, "z_dim": 100, "experiment": "mode_collapse",
          "mixture": "grid", "attribute": "Eyeglasses", "height": 8, "series": 1, "factor": None, "starts": 1,
          "candidates": 1, "draws": 1, "seeds": [0]}  # fmt: skip
PRINTED = [
    (objects.Probe, {"validation": 10_000, "per_class": 400, "draws": 10}, C),
    ("objects/dcgan", {"net": "imagenet32", "width": 128, "z_dim": 256, "z": "uniform"}, C),
    ("objects/dcgan", {"batch_size": 128, "lr": 2e-4, "beta1": 0.5}, "DCGAN, section 4"),
    ("objects/kmeans_1layer", {"k": 4800, "patches": 400_000, "patch": 6, "iterations": 50}, COATES),
    ("objects/kmeans_1layer", {"patch_epsilon": 10.0, "zca_epsilon": 0.1, "feature_epsilon": 0.01}, COATES),
    ("objects/kmeans_3layer_rf", {"k": 1600, "groups": 32, "members": 200, "k_group": 3200 // 32}, "Coates & Ng, NIPS"),
    ("objects/view_invariant_kmeans", {"k": 6400 // 2, "levels": 2}, "DCGAN, table 1: 6400 maps"),
    ("objects/exemplar_cnn", {"filters": [92, 256, 512], "units": 1024, "classes": 16_000, "samples": 100}, ALEXEY),
    ("objects/exemplar_cnn", {"dropout": 0.5, "lr": 0.01, "patch": 32, "upsample": 2}, ALEXEY),
    (Ranges, {"shift": 0.2, "scale": 1.4, "rotation": 20.0, "contrast": 2.0}, ALEXEY),
    (Ranges, {"power": 4.0, "times": 1.4, "plus": 0.1, "hue": 0.1}, ALEXEY),
    (digits.Protocol, {"validation": 10_000, "labels_per_class": 100, "tuning_draws": 10, "evaluation_draws": 100}, S),
    ("digits/dcgan", {"costs": [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2], "z": "gaussian", "z_dim": 100}, S),
    ("digits/dcgan", {"net": "svhn32", "width": 64, "lr": 5e-4, "batch_size": 64}, S),
    ("digits/supervised_cnn", {"trials": 64}, S),
    ("digits/m1_m2", {"components": 600, "z_dim": 300, "hidden": [500, 500], "lr": 3e-4}, KINGMA),
    ("digits/m1_m2", {"m2_z_dim": 50, "m2_hidden": [500], "m2_lr": 3e-4, "alpha": 0.1}, KINGMA),
    ("digits/swwae_dropout", {"dropout": 0.5, "width": 128}, "Zhao et al. 2015"),
    (demonstrations.Exemplars, {"exemplars": 3, "around": 8, "noise": 0.25}, "DCGAN, section 6.3.2, figure 7"),
    (demonstrations.Interpolation, {"points": 9}, "DCGAN, figure 4"),
    (demonstrations.Turn, {"exemplars": 4}, "DCGAN, figure 8"),
    (filters.Filters, {"shown": 6}, "DCGAN, figure 5"),
    (forgetting.Forgetting, {"boxes": 52, "layer": 2}, "DCGAN, section 6.3.1"),
    (mode_collapse.Config, {"points": 100_000, "judged": 2500, "batch_size": 100, "steps": 400_000}, PACGAN),
    (mode_collapse.Config, {"net": "pacgan", "loss": "nonsaturating", "z_dim": 2, "beta1": 0.8}, PACGAN),
    (mode_collapse.Config, {"lr_g": 1e-4, "lr_d": 1e-4}, PACGAN),
]  # fmt: skip


@pytest.mark.parametrize("section, printed, where", PRINTED)
def test_what_is_printed_is_the_default(section, printed, where):
    if isinstance(section, str):
        section = systems.module(*section.split("/")).Config
    missing = [name for name, field in section.model_fields.items() if field.is_required()]
    found = section(**{name: NEEDED[name] for name in missing})
    assert {name: getattr(found, name) for name in printed} == printed, where


def test_the_grid_of_c_has_three_values_in_each_decade():
    assert objects.Probe().costs == pytest.approx([m * 10.0**e for e in range(-5, 0) for m in (1, 2, 5)])
