"""Stage fcn_score@<system>: judge both directions of a translator (table `streets`)."""

from triptych.base import project
from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.judge.evaluator import load_evaluator
from triptych.cyclegan.streets.protocol import evaluate
from triptych.data.label_classes import evaluated
from triptych.pipeline.stage import Stage, main


def work(system_name):
    with Stage("streets", system_name, "fcn_score") as stage:
        dataset = stage.protocol.dataset
        stage.uses(dataset, "train")  # what the system and the evaluator learned from
        stage.uses(dataset, "val", "test")
        val = StreetData.of(stage.dataset(dataset), "val")
        n_classes = len(evaluated(val.classes))
        evaluator = load_evaluator(project.evaluator("fcn"), stage.protocol.fcn, n_classes, stage.device)
        systems = [stage.load(seed) for seed in stage.protocol.seeds]
        result = evaluate(systems, val, evaluator, stage.protocol, stage.device, stage.for_each)
        stage.result(result)


main(work)
