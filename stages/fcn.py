"""Stage fcn: train the FCN-8s evaluator on the training photos; score it on real photos (the ceiling) and on the
floors (table `streets`)."""

from triptych.base import project
from triptych.cyclegan.gan.streams import StreetData
from triptych.cyclegan.streets.judge.evaluator import save_evaluator, train_evaluator
from triptych.cyclegan.streets.protocol import evaluate_references
from triptych.pipeline.stage import Stage, main


def work():
    with Stage("streets", "fcn", "fcn", ["streets.fcn", "streets.evaluation"]) as stage:
        dataset = stage.protocol.dataset
        stage.data(dataset, "train")
        stage.data(dataset, "val", "test")
        train, val = (StreetData.of(stage.dataset(dataset), split) for split in ("train", "val"))
        evaluator = train_evaluator(train, stage.protocol.fcn, stage.replica(stage.protocol.fcn.seed))
        if stage.is_main:
            save_evaluator(evaluator, project.models("streets", "fcn"))
        for name, (metrics, notes) in evaluate_references(train, val, evaluator, stage.protocol).items():
            stage.result(metrics, notes, system=name, seeds=[stage.protocol.fcn.seed])


main(work)
