"""The evaluator of the `streets` tables: an FCN-8s of the training photos, trained once for all systems and seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from triptych.base.errors import NotTrained
from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.judge import fcn8s
from triptych.cyclegan.streets.judge.resize import resize_classes, resize_photos
from triptych.data.label_classes import evaluated, train_ids
from triptych.engine import Replica, prepare


def train_evaluator(train: StreetData, config: fcn8s.Config, replica: Replica) -> fcn8s.FCN8s:
    """An FCN-8s that has learned the training photos at the size it will see, with the seed of `config`."""
    torch.manual_seed(config.seed)
    net = fcn8s.FCN8s(config, len(evaluated(train.classes)))
    if config.start == "vgg16":
        net.start_from_vgg16()
    photos = torch.from_numpy(np.array(resize_photos(np.asarray(train.photos), config.size)))
    truth = resize_classes(train_ids(np.asarray(train.label_maps), train.classes), config.size)
    return fcn8s.train_fcn(net, photos, torch.from_numpy(truth), config, replica)


def save_evaluator(net: fcn8s.FCN8s, folder: Path) -> None:
    """Write its weights to `folder`."""
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    weights = {k: v.detach().cpu().contiguous() for k, v in net.state_dict().items()}
    (folder / "weights.safetensors").write_bytes(save(weights))


def load_evaluator(folder: Path, config: fcn8s.Config, n_classes: int, device: torch.device) -> fcn8s.FCN8s:
    """In eval mode. Raises NotTrained if there is none, or one of another `config` or number of classes."""
    from safetensors.torch import load_file

    file = folder / "weights.safetensors"
    if not file.is_file():
        raise NotTrained(f"no evaluator at {file}: run `dvc repro fcn`, or `python stages/fcn.py`, first")
    net = fcn8s.FCN8s(config, n_classes)
    try:
        net.load_state_dict(load_file(file))
    except RuntimeError as error:
        raise NotTrained(f"{file} is not of the network that streets.fcn describes: train it again") from error
    return prepare(net, device).eval()
