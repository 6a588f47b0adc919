"""The published numbers against the papers' tables, typed in a second time (percent, as printed)."""

import pytest

from triptych import published
from triptych.base.config import ParamsError

ACCURACY = {
    "kmeans_1layer": (80.6, 63.7, 0.7),
    "kmeans_3layer_rf": (82.0, 70.7, 0.7),
    "view_invariant_kmeans": (81.9, 72.6, 0.7),
    "exemplar_cnn": (84.3, 77.4, 0.2),
    "dcgan": (82.8, 73.8, 0.4),
}
ERRORS = {
    "knn": 77.93, "tsvm": 66.55, "m1_knn": 65.63, "m1_tsvm": 54.33, "m1_m2": 36.02, "swwae": 27.83,
    "swwae_dropout": 23.56, "dcgan": 22.48,
}  # fmt: skip
STREETS = {  # pixel, class, IoU: labels -> photo, photo -> labels
    "cogan": (0.40, 0.10, 0.06, 0.45, 0.11, 0.08),
    "bigan_ali": (0.19, 0.06, 0.02, 0.41, 0.13, 0.07),
    "simgan": (0.20, 0.10, 0.04, 0.47, 0.11, 0.07),
    "feature_loss_gan": (0.06, 0.04, 0.01, 0.50, 0.10, 0.06),
    "cyclegan": (0.52, 0.17, 0.11, 0.58, 0.22, 0.16),
    "pix2pix": (0.71, 0.25, 0.18, 0.85, 0.40, 0.32),
    "cycle_alone": (0.22, 0.07, 0.02, 0.10, 0.05, 0.02),
    "gan_alone": (0.51, 0.11, 0.08, 0.53, 0.11, 0.07),
    "gan_forward": (0.55, 0.18, 0.12, 0.49, 0.11, 0.07),
    "gan_backward": (0.39, 0.14, 0.06, 0.01, 0.06, 0.01),
}
ERROR_SPREADS = {"knn": 0.08, "tsvm": 0.10, "m1_knn": 0.15, "m1_tsvm": 0.11, "m1_m2": 0.10}
MNIST = {"real data, 50 K": 3.1, "GAN samples, 50 K": 6.28, "GAN samples, 10 M": 5.65, "DCGAN samples, 50 K": 2.98,
         "DCGAN samples, 10 M": 1.48, "AlignMNIST, 10 M": 1.4, "InfiMNIST, 10 M": 2.6}  # fmt: skip
PIX2PIX = {"L1": (0.42, 0.15, 0.11), "GAN": (0.22, 0.05, 0.01), "cGAN": (0.57, 0.22, 0.16),
           "L1 + GAN": (0.64, 0.20, 0.15), "L1 + cGAN": (0.66, 0.23, 0.17), "real photos": (0.80, 0.26, 0.21),
           }  # fmt: skip
PEOPLE = {  # judged real, map -> photo and photo -> map
    "CoGAN": ((0.6, 0.5), (0.9, 0.5)),
    "BiGAN/ALI": ((2.1, 1.0), (1.9, 0.9)),
    "SimGAN": ((0.7, 0.5), (2.6, 1.1)),
    "feature loss + GAN": ((1.2, 0.6), (0.3, 0.2)),
    "CycleGAN": ((26.8, 2.8), (23.2, 3.4)),
}
HIGGINS = {
    "ground_truth": (100, None), "raw_pixels": (45.75, 0.8), "pca": (84.9, 0.4), "ica": (42.03, 10.6),
    "dc_ign": (99.3, 0.1), "infogan": (73.5, 0.9), "vae_untrained": (44.14, 2.5), "vae": (61.58, 0.5),
    "beta_vae": (99.23, 0.1),
}  # fmt: skip


def values(table, metric):
    rows = published.load(table).systems
    return {name: row.values[metric] for name, row in rows.items() if metric in row.values}


def test_objects():
    accuracy, few = values("objects", "accuracy"), values("objects", "accuracy_few")
    got = {s: (accuracy[s].value * 100, few[s].value * 100, few[s].spread * 100) for s in accuracy}
    assert list(got) == list(ACCURACY) == list(few)
    assert all(got[s] == pytest.approx(ACCURACY[s]) for s in ACCURACY)


def test_digits():
    assert {s: n.value * 100 for s, n in values("digits", "test_error").items()} == pytest.approx(ERRORS)
    spreads = {s: n.spread * 100 for s, n in values("digits", "test_error").items() if n.spread is not None}
    assert spreads == pytest.approx(ERROR_SPREADS)
    assert values("digits", "validation_error")["supervised_cnn"].value == 0.2887
    assert "22.18 ± 1.13" in " ".join(published.load("digits").systems["dcgan"].notes)


def test_streets_in_both_directions():
    metrics = [f"{d}/{m}" for d in ("to_photo", "to_labels") for m in ("pixel_acc", "class_acc", "class_iou")]
    rows = published.load("streets").systems
    assert {s: tuple(rows[s].values[m].value for m in metrics) for s in STREETS} == STREETS
    assert [rows["real_photos"].values[m].value for m in metrics[:3]] == [0.80, 0.26, 0.21]


def test_shapes():
    got = {s: (n.value * 100, n.spread and n.spread * 100) for s, n in values("shapes", "higgins").items()}
    assert list(got) == list(HIGGINS)
    for system, (value, spread) in HIGGINS.items():
        assert got[system][0] == pytest.approx(value)
        assert got[system][1] == (spread and pytest.approx(spread))


def test_numbers_beside_the_tables():
    def percent(number):
        return round(number.value * 100, 6), number.spread and round(number.spread * 100, 6)

    digits = {n.name: percent(n) for n in published.load("digits").elsewhere}
    assert digits.pop("DCGAN + L2-SVM as later papers quote it") == (22.18, 1.13)
    assert digits == {f"1-NN on MNIST: {name}": (value, None) for name, value in MNIST.items()}
    streets = published.load("streets").elsewhere
    for name, expected in PIX2PIX.items():
        found = {n.column: n.value for n in streets if n.name == f"pix2pix paper, {name}"}
        assert found == dict(zip(("Per-pixel acc.", "Per-class acc.", "Class IOU"), expected)), name
    for name, expected in PEOPLE.items():
        found = {n.column: percent(n) for n in streets if n.name == f"{name}, judged real by people (published only)"}
        assert found == dict(zip(("map → photo", "photo → map"), expected)), name


def test_no_number_of_a_table_is_quoted_from_memory():
    rows = {(t, s): row for t in published.TABLES for s, row in published.load(t).systems.items()}
    assert [key for key, row in rows.items() if any(n.recalled for n in row.values.values())] == []


def test_rows_taken_from_the_pix2pix_paper():
    rows = published.load("streets").systems
    for system, name in {"pix2pix_unet": "L1 + cGAN", "real_photos": "real photos"}.items():
        assert tuple(n.value for n in rows[system].values.values()) == PIX2PIX[name]
        assert all("1611.07004" in published.load("streets").source(system, m) for m in rows[system].values)


def test_which_way_is_better_and_where_the_paper_prints_it():
    columns = {table: published.load(table).columns for table in published.TABLES}
    assert all("Table 1" in c.table for c in columns["objects"])
    assert [c.better for c in columns["objects"]] == ["higher", "higher", "none"]
    assert all("Table 2" in c.table and c.better == "lower" for c in columns["digits"])
    printed = [c for c in columns["streets"] if c.table]
    assert [(c.metric.split("/")[0], c.table) for c in printed] == [("to_photo", "Table 2")] * 3 + [
        ("to_labels", "Table 3")
    ] * 3
    heads = {"pixel_acc": "Per-pixel acc.", "class_acc": "Per-class acc.", "class_iou": "Class IOU"}
    assert all(c.column == heads[c.metric.split("/")[1]] and c.better == "higher" for c in printed)
    assert [(c.metric, c.table, c.better) for c in columns["shapes"] if c.table] == [
        ("higgins", "Figure 6 (left)", "higher")
    ]


def test_floors_ceilings_and_rows_of_other_papers_are_neither_ranked_nor_best():
    rows = {(t, s): row for t in published.TABLES for s, row in published.load(t).systems.items()}
    assert {key for key, row in rows.items() if not row.ranked} == {
        ("objects", "raw_pixels"),
        *((t, s) for t in ("objects", "digits") for s in ("dcgan_untrained", "dcgan_released")),
        *(("streets", s) for s in ("pix2pix_unet", "real_photos", "untrained", "shuffled_photos", "constant",
                                   "unchanged")),
    }  # fmt: skip
    assert {key for key, row in rows.items() if not row.contender} == {
        ("shapes", "ground_truth"),
        *(("streets", s) for s in ("pix2pix", "pix2pix_unet", "real_photos", "untrained", "shuffled_photos",
                                   "constant", "unchanged")),
    }  # fmt: skip


def test_the_papers_data():
    assert {t: published.load(t).paper_data for t in published.TABLES} == {
        "objects": "CIFAR-10", "digits": "SVHN", "streets": "Cityscapes", "shapes": "dSprites",
    }  # fmt: skip
    assert all(published.load(t).same_data == [published.load(t).paper_data] for t in published.TABLES)
    assert [n.value for n in values("objects", "widest_layer").values()] == [4800, 3200, 6400, 1024, 512]
    assert "28,672 features" in published.load("objects").systems["dcgan"].notes[0]


def test_order_and_rows_without_published_numbers():
    assert list(published.load("objects").systems)[-2:] == ["raw_pixels", "dcgan_untrained"]
    assert not published.load("objects").systems["raw_pixels"].values
    assert not published.load("digits").systems["dcgan_released"].values


@pytest.mark.parametrize("table", published.TABLES)
def test_every_number_has_a_paper_and_a_known_column(table):
    data = published.load(table)
    for system, row in data.systems.items():
        for metric in row.values:
            source = data.source(system, metric)
            assert source.count(",") >= 2 and ("Table" in source or "Figure" in source), (system, metric)
    for view in data.views:
        assert set(view.systems) <= set(data.systems)
        assert all(data.column(metric) for metric in view.metrics)


@pytest.mark.parametrize("table", published.TABLES)
def test_every_publication_has_an_address(table):
    data = published.load(table)
    numbers = [n for row in data.systems.values() for n in row.values.values()]
    named = {n.paper for n in (*numbers, *data.columns, *data.elsewhere)} | {data.paper}
    named |= {n.origin for n in numbers if n.origin and not n.origin.startswith("section")}
    assert set(data.links) == named - {None}
    assert all(data.link(name).startswith("http") for name in data.links)


def test_ablation_numbers_name_their_own_table():
    assert "Table 4" in published.load("streets").source("gan_alone", "to_photo/pixel_acc")
    assert "Table 5" in published.load("streets").source("gan_alone", "to_labels/pixel_acc")
    assert "1611.07004" in published.load("streets").source("real_photos", "to_photo/pixel_acc")


def test_unknown_table_and_column():
    with pytest.raises(KeyError, match="no published table 'cifar'"):
        published.load("cifar")
    with pytest.raises(KeyError, match="no column"):
        published.load("objects").column("f1")


def test_a_misspelt_key_in_a_data_file_is_named():
    with pytest.raises(ParamsError, match="recaled: unknown key; did you mean 'recalled'"):
        published.validate(published.Number, {"value": 0.5, "recaled": True}, "published.objects")
