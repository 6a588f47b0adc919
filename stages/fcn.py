"""Stage fcn: train the FCN-8s evaluator on the training photos; score it on real photos (the ceiling) and on the
floors (table `streets`)."""

from triptych.base import project
from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.judge.evaluator import save_evaluator, train_evaluator
from triptych.cyclegan.streets.protocol import evaluate_references
from triptych.pipeline.stage import Stage, main


def work():
    with Stage("streets", "fcn", "fcn", ["streets.fcn", "streets.evaluation"]) as stage:
        dataset = stage.protocol.dataset
        stage.uses(dataset, "train")
        stage.uses(dataset, "val", "test")
        train, val = (StreetData.of(stage.dataset(dataset), split) for split in ("train", "val"))
        seed = stage.protocol.fcn.seed
        evaluator = train_evaluator(train, stage.protocol.fcn, stage.replica(seed))
        if stage.is_main:
            save_evaluator(evaluator, project.evaluator("fcn"))
        for name, result in evaluate_references(train, val, evaluator, stage.protocol).items():
            stage.result(result, system=name, seeds=[seed])


main(work)
