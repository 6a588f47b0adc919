"""How systems are judged, with an evaluator and systems whose scores are known beforehand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.judge.fcn8s import Config as FcnConfig
from triptych.cyclegan.streets.parts.system import Translator
from triptych.cyclegan.streets.protocol import Evaluation, Protocol, cycle_measures, evaluate, evaluate_references
from triptych.data.label_classes import CITYSCAPES, nearest_class

CPU = torch.device("cpu")
ROAD, PAVEMENT, BUILDING, TREES, SKY = 7, 8, 11, 21, 23  # ids; train ids 0, 1, 2, 8, 10


def judged_by(**evaluation):
    return Protocol(seeds=[0], fcn=FcnConfig(pixels=[32, 32]), evaluation=Evaluation(**evaluation))


def streets(heights, size=32, below=ROAD, above=SKY):
    """The lower `heights[i]` rows of scene i are `below` and dark, the others `above` and bright."""
    low = np.broadcast_to(
        np.arange(size)[:, None] >= size - np.array(heights)[:, None, None], (len(heights), size, size)
    )
    photos = np.repeat(np.where(low, 60, 200)[:, None], 3, axis=1)
    return StreetData(photos.astype(np.uint8), np.where(low, below, above).astype(np.uint8), CITYSCAPES)


def by_brightness(photos):
    """An evaluator that is always right on `streets`."""
    return torch.where(photos[:, 0] > 130, 10, 0).to(torch.uint8)


EVALUATOR = SimpleNamespace(segment=by_brightness)


def reference(name, train, val, **evaluation):
    result = evaluate_references(train, val, EVALUATOR, judged_by(**evaluation))[name]
    return {metric: value for metric, (value,) in result.metrics.items()}


def test_real_photos_and_the_truth_are_perfect():
    data = streets([8, 20, 13])
    values = reference("real_photos", data, data)
    for way in ("to_photo", "to_labels"):
        assert [values[f"{way}/{m}"] for m in ("pixel_acc", "class_acc", "class_iou")] == [1, 1, 1]
        share = (data.label_maps == ROAD).mean()
        entropy = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
        assert values[f"{way}/mutual_information"] == pytest.approx(entropy)


def test_shuffled_photos_are_those_of_scenes_half_the_split_away():
    data = streets([3, 8, 30, 20, 13, 26])
    maps = data.label_maps
    expected = (maps == maps[[3, 4, 5, 0, 1, 2]]).mean()
    values = reference("shuffled_photos", data, data)
    assert values["to_photo/pixel_acc"] == values["to_labels/pixel_acc"] == pytest.approx(expected)


def test_the_constant_is_the_commonest_class_of_the_training_split():
    train, val = streets([20, 30]), streets([5, 10, 9])  # more road here, more sky there
    values = reference("constant", train, val)
    assert (
        values["to_photo/pixel_acc"] == values["to_labels/pixel_acc"] == pytest.approx((val.label_maps == ROAD).mean())
    )


def test_an_unchanged_input_is_judged_as_if_it_were_a_translation():
    data = streets([8, 20, 13])
    values, road = reference("unchanged", data, data), data.label_maps == ROAD
    assert values["to_photo/pixel_acc"] == pytest.approx(road.mean())  # both colours of the label map are dark in red
    named = nearest_class(data.photos, data.classes)
    assert values["to_labels/pixel_acc"] == pytest.approx((named == np.where(road, 0, 10)).mean())


def test_systems_are_judged_against_the_truth_at_full_size():
    small = streets([16, 16])
    truth = np.full((2, 64, 64), ROAD, np.uint8)
    data = StreetData(small.photos, small.label_maps, CITYSCAPES, truth)
    values = reference("real_photos", small, data)
    assert values["to_photo/pixel_acc"] == values["to_labels/pixel_acc"] == 0.5


def test_label_maps_are_compared_at_the_size_that_is_asked_for():
    small = streets([16])
    truth = small.label_maps.repeat(2, 1).repeat(2, 2)
    truth[0, 0, 0] = ROAD  # not the pixel in which the centre of a small one lies
    data = StreetData(small.photos, small.label_maps, CITYSCAPES, truth)
    at = {size: reference("real_photos", small, data, label_size=size) for size in ("truth", "generated")}
    assert at["truth"]["to_labels/pixel_acc"] == pytest.approx(1 - 1 / 64**2)
    assert at["generated"]["to_labels/pixel_acc"] == 1
    assert at["generated"]["to_photo/pixel_acc"] == pytest.approx(1 - 1 / 64**2)  # photos always at the truth's


def test_absent_classes_can_count_as_zero_both_ways():
    data = streets([8, 20])
    values = reference("real_photos", data, data, absent="zero")
    assert values["to_photo/class_iou"] == values["to_labels/class_iou"] == pytest.approx(2 / 19)


class Oracle(Translator):
    """Answers with the truth; or, `blind`, with one and the same image."""

    def __init__(self, data, blind=False):
        super().__init__(SimpleNamespace(pixels=data.photos.shape[-1]), None)
        self.answers = {"photo": torch.from_numpy(data.photos), "labels": torch.from_numpy(data.labels)}
        self.inputs = {"photo": self.answers["labels"], "labels": self.answers["photo"]}
        self.blind = blind

    def _answer(self, kind, images):
        known = self.inputs[kind].flatten(1).float()
        rows = torch.cdist(images.flatten(1).float(), known).argmin(1)
        return self.answers[kind][torch.zeros_like(rows) if self.blind else rows]

    def to_photo(self, labels):
        return self._answer("photo", labels)

    def to_labels(self, photos):
        return self._answer("labels", photos)


def test_evaluation_of_systems_whose_scores_are_known():
    data, protocol = streets(range(5, 29, 3)), judged_by()
    result = evaluate([Oracle(data), Oracle(data, blind=True)], data, EVALUATOR, protocol, CPU)
    metrics, notes = result.metrics, result.notes
    ceiling = evaluate_references(data, data, EVALUATOR, protocol)["real_photos"].metrics
    for name in ("to_photo/pixel_acc", "to_photo/class_iou", "to_labels/pixel_acc", "to_labels/class_iou"):
        perfect, blind = metrics[name]
        assert perfect == pytest.approx(ceiling[name][0]) and blind < perfect
    own = metrics["to_labels/own_photos_pixel_acc"]
    assert own[0] == pytest.approx(ceiling["to_labels/pixel_acc"][0]) and own[1] < own[0]
    assert metrics["to_labels/diversity"] == [pytest.approx(1.0), 0.0]
    assert metrics["to_photo/diversity"] == [pytest.approx(1.0), 0.0]
    assert metrics["to_photo/cycle_error"][0] == metrics["to_labels/cycle_error"][0] == 0
    assert metrics["to_photo/cycle_error"][1] > 5
    # The oracle knows a photo again under a little noise; one image for all needs none to be as wrong
    assert metrics["to_photo/noise_growth"] == metrics["to_labels/noise_growth"] == [1.0, 1.0]
    perfect, blind = metrics["to_labels/mutual_information"]
    assert perfect == pytest.approx(ceiling["to_labels/mutual_information"][0]) and perfect > 0.5 > blind
    assert ceiling["to_photo/mutual_information"][0] == pytest.approx(metrics["to_photo/mutual_information"][0])
    assert any("8 grey levels" in note for note in notes)


def test_label_images_are_shown_to_systems_at_their_size_and_the_truth_stays_exact():
    data, protocol = streets([8, 20, 13, 26]), judged_by()
    pictures = 255 - data.labels  # of colours that are nearest to other classes
    other = StreetData(data.photos, data.label_maps, CITYSCAPES, label_images=pictures)
    oracle, shown = Oracle(data), []
    oracle.config.pixels = 16
    oracle.to_photo = lambda labels: shown.append(labels) or torch.zeros_like(labels)
    oracle.to_labels = lambda photos: torch.from_numpy(data.labels)[: len(photos), :, ::2, ::2]
    result = evaluate([oracle], other, EVALUATOR, protocol, CPU)
    assert torch.equal(shown[0], other.labels_at(16)) and shown[0].shape == (4, 3, 16, 16)
    assert result.metrics["to_labels/pixel_acc"][0] > 0.9, "label maps are scored by the class ids, not by the pictures"
    assert sum("through JPEG" in note for note in result.notes) == 1
    real = evaluate_references(other, other, EVALUATOR, protocol)["real_photos"].metrics
    assert real["to_labels/pixel_acc"] == [0.0], "what one with the real pictures would score"
    assert not any("JPEG" in note for note in evaluate_references(data, data, EVALUATOR, protocol)["real_photos"].notes)


class Fixed(Translator):
    """Draws these photos and label images whatever it is given."""

    def __init__(self, photos, labels):
        super().__init__(SimpleNamespace(pixels=photos.shape[-1]), None)
        self.photos, self.labels = torch.as_tensor(photos), torch.as_tensor(labels)
        self.modes = []

    def to_photo(self, labels):
        self.modes.append(self.training)
        return self.photos[: len(labels)]

    def to_labels(self, photos):
        self.modes.append(self.training)
        return self.labels[: len(photos)]


def test_systems_are_judged_in_use_and_each_way_against_its_own_domain():
    data = streets([8, 20, 13])
    other = streets([8, 14, 11])  # half as far apart
    system = Fixed(other.photos, other.labels).train()
    metrics = evaluate([system], data, EVALUATOR, judged_by(), CPU).metrics
    assert system.modes and not any(system.modes)
    assert metrics["to_photo/diversity"] == metrics["to_labels/diversity"] == [pytest.approx(0.5)]
    assert metrics["to_photo/pixel_acc"] == metrics["to_labels/pixel_acc"]
    assert metrics["to_photo/pixel_acc"] == [pytest.approx((data.label_maps == other.label_maps).mean())]


def test_two_scenes_are_enough_and_alike_ones_leave_the_diversity_out():
    data = streets([8, 8])
    metrics = evaluate([Fixed(data.photos, data.labels)], data, EVALUATOR, judged_by(), CPU).metrics
    assert metrics["to_photo/pixel_acc"] == [1] and "to_labels/other_scenes_pixel_acc" in metrics
    assert not [name for name in metrics if name.endswith("diversity")]
    assert np.isfinite([value for (value,) in metrics.values()]).all()


def test_trees_and_buildings_may_be_exchanged_in_the_diagnostic_alone():
    data, swapped = (streets([8, 20], below=a, above=b) for a, b in ((BUILDING, TREES), (TREES, BUILDING)))
    metrics = evaluate([Fixed(data.photos, swapped.labels)], data, EVALUATOR, judged_by(), CPU).metrics
    assert metrics["to_labels/pixel_acc"] == [0] and metrics["to_labels/pixel_acc_best_swap"] == [1]


def test_a_systems_own_outputs_are_held_against_other_scenes():
    """What it reads of its own scene is the difference; a system that shows one street for all reads nothing."""
    data = streets([3, 8, 30, 20, 13, 26])
    maps, other = data.label_maps, np.roll(np.arange(6), 3)
    seeing = Fixed(data.photos, data.labels)
    blind = Fixed(data.photos[[4] * 6], data.labels[[4] * 6])
    metrics = evaluate([seeing, blind], data, EVALUATOR, judged_by(), CPU).metrics
    for way in ("to_photo", "to_labels"):
        own, others = metrics[f"{way}/pixel_acc"], metrics[f"{way}/other_scenes_pixel_acc"]
        assert own == [1, pytest.approx((maps == maps[4]).mean())]
        assert others == [pytest.approx((maps == maps[other]).mean()), pytest.approx(own[1])]
        assert {f"{way}/other_scenes_class_acc", f"{way}/other_scenes_class_iou"} <= set(metrics)
    shuffled = reference("shuffled_photos", data, data)
    assert metrics["to_labels/other_scenes_class_iou"][0] == pytest.approx(shuffled["to_labels/class_iou"])
    assert not any("other_scenes" in name for name in shuffled)  # the truth, moved as far as it was: no control


def test_categories_are_scored_where_the_classes_have_them():
    """A pavement for a road is another class of one category."""
    data, pavement = streets([8, 20]), streets([8, 20], below=PAVEMENT)
    system = Fixed(data.photos, pavement.labels)
    metrics = evaluate([system], data, EVALUATOR, judged_by(), CPU).metrics
    share = (data.label_maps == ROAD).mean()
    assert metrics["to_labels/pixel_acc"] == [pytest.approx(1 - share)]
    assert metrics["to_labels/class_acc"] == metrics["to_labels/class_iou"] == [0.5]
    assert metrics["to_labels/category_acc"] == metrics["to_labels/category_iou"] == [1]
    assert metrics["to_photo/category_acc"] == [1]
    data.classes = [{k: v for k, v in c.items() if k != "category"} for c in CITYSCAPES]
    metrics = evaluate([system], data, EVALUATOR, judged_by(), CPU).metrics
    assert metrics["to_labels/class_acc"] == [0.5] and not any("category" in name for name in metrics)


def test_scenes_go_there_and_back_with_and_without_noise():
    data, given = streets([4, 8, 12, 16, 20, 24, 28, 30]), {"to_photo": [], "to_labels": []}
    grey = torch.full((8, 3, 32, 32), 128, dtype=torch.uint8)
    photos, labels = grey + torch.arange(8, dtype=torch.uint8)[:, None, None, None], grey - 28

    def back(way, answer):
        return lambda images: given[way].append(images.clone()) or answer[: len(images)]

    to_labels = back("to_labels", torch.from_numpy(data.labels)[::2])  # makes no error
    system = SimpleNamespace(to_labels=to_labels, to_photo=back("to_photo", grey))
    x, y = torch.from_numpy(data.labels), torch.from_numpy(data.photos)
    values = cycle_measures(system, x[::2], y[::2], photos[::2], labels[::2], 20.0, CPU)
    clean, noisy = given["to_labels"]
    assert torch.equal(clean, photos[::2])
    assert (noisy.float() - clean.float()).std().item() == pytest.approx(20, rel=0.05)
    assert torch.equal(given["to_photo"][0], labels[::2])
    assert values["to_photo/cycle_error"] == 0 and values["to_photo/noise_growth"] == 1
    assert values["to_labels/cycle_error"] == pytest.approx(np.abs(128 - data.photos[::2].astype(float)).mean())
