"""The k nearest neighbours rule, and what the rows of the `digits` table that use it share."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import ParamsError, Strict
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.system import Choices, FeatureClassifier, Labelled
from triptych.engine import Replica, exact_products, inference


class NearestNeighbours(nn.Module):
    """Classes of rows by the vote of their k nearest rows with known class, in Euclidean distance.

    Of classes with equally many votes the one with the nearest neighbour wins."""

    def __init__(self, n_features: int, n_classes: int):
        super().__init__()
        self.n_classes = n_classes
        self.register_buffer("rows", torch.zeros(0, n_features))
        self.register_buffer("labels", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("k", torch.tensor(1))

    def fit(self, rows: Tensor, labels: Tensor) -> NearestNeighbours:
        self.rows, self.labels = rows.float(), labels.to(rows.device)
        return self

    def forward(self, rows: Tensor) -> Tensor:
        return self.votes(rows, [int(self.k)])[int(self.k)]

    @exact_products()  # distances that are rounded have other nearest ones
    def votes(self, rows: Tensor, ks: list[int]) -> dict[int, Tensor]:
        """The classes (n,) of `rows` (n, d) for each of several k, from one computation of the distances.

        Raises ParamsError if a k is larger than the number of known rows."""
        if max(ks) > len(self.rows):
            raise ParamsError(f"ks: {max(ks)} neighbours cannot be had of {len(self.rows)} labelled images")
        nearest = torch.cdist(rows, self.rows).topk(max(ks), largest=False).indices
        ballots = F.one_hot(self.labels[nearest], self.n_classes).float()  # (n, k, classes), nearest first
        first = ballots * torch.linspace(1, 0.5, max(ks), device=rows.device)[:, None]
        out = {}
        for k in ks:
            tie_break = first[:, :k].amax(1)  # larger for the class whose nearest member is nearer; never a vote
            out[k] = (ballots[:, :k].sum(1) + 0.5 * tie_break).argmax(1)
        return out

    def best_k(self, ks: list[int], trials: list[tuple[Tensor, Tensor]], rows: Tensor, labels: Tensor) -> int:
        """The k with the least mean error on (`rows`, `labels`) over `trials`, pairs of known rows and labels."""
        wrong = dict.fromkeys(ks, 0.0)
        for known, known_labels in trials:
            answers = self.fit(known, known_labels).votes(rows, ks)
            for k in ks:
                wrong[k] += float((answers[k] != labels).float().mean()) / len(trials)
        return min(ks, key=lambda k: (wrong[k], k))

    def _load_from_state_dict(self, state_dict, prefix, *args):
        """How many rows there are follows from the draw of labels, so make room for those to come."""
        for name in ("rows", "labels"):
            if prefix + name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[prefix + name], device=self.k.device))
        super()._load_from_state_dict(state_dict, prefix, *args)


class NeighbourConfig(Strict):
    """The numbers of neighbours that validation chooses from."""

    ks: list[Annotated[int, Field(ge=1)]] = Field(
        default=[1, 3, 5, 7, 11], min_length=1, description="tried on the validation set"
    )


class NeighbourSystem(FeatureClassifier):
    """k-NN among features of the labelled images; subclasses say which."""

    def __init__(self, config: NeighbourConfig, spec: Spec, n_features: int):
        super().__init__()
        self.config = config
        self.neighbours = NearestNeighbours(n_features, spec.n_classes)

    def tune(self, draws: list[Labelled], validation: Labelled, replica: Replica) -> None:
        trials = [self._examples(*draw) for draw in draws]
        best = self.neighbours.best_k(self.config.ks, trials, *self._examples(*validation))
        self.neighbours.k.fill_(best)
        replica.log(0, k=best)

    def choices(self) -> Choices:
        return {"k": (int(self.neighbours.k), self.config.ks)}

    def fit(self, images: np.ndarray, labels: np.ndarray, replica: Replica) -> None:
        self.neighbours.fit(*self._examples(images, labels))

    def classes(self, images: Tensor) -> Tensor:
        return self.neighbours(self.image_features(images))

    @property
    def _device(self) -> torch.device:
        return self.neighbours.k.device

    def _examples(self, images: np.ndarray, labels: np.ndarray) -> tuple[Tensor, Tensor]:
        rows = inference(self.image_features, images, self._device).to(self._device)
        return rows, torch.as_tensor(np.asarray(labels)).to(self._device)
