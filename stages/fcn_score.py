"""Stage fcn_score@<system>: judge both directions of a translator (table `streets`)."""

from triptych.base import project
from triptych.cyclegan.gan.streams import StreetData
from triptych.cyclegan.streets.judge.evaluator import load_evaluator
from triptych.cyclegan.streets.protocol import evaluate
from triptych.data.label_classes import evaluated
from triptych.pipeline.stage import Stage, main


def work(system_name):
    with Stage("streets", system_name, "fcn_score") as stage:
        dataset = stage.protocol.dataset
        stage.data(dataset, "train")  # what the system and the evaluator learned from
        stage.data(dataset, "val", "test")
        val = StreetData.of(stage.dataset(dataset), "val")
        folder, n_classes = project.models("streets", "fcn"), len(evaluated(val.classes))
        evaluator = load_evaluator(folder, stage.protocol.fcn, n_classes, stage.device)
        systems = [stage.load(seed) for seed in stage.protocol.seeds]
        stage.result(*evaluate(systems, val, evaluator, stage.protocol, stage.device, stage.for_each))


main(work)
