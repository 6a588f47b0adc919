"""Stage fcn: train the FCN-8s evaluator on the training photos; score it on real photos (the ceiling) and on the
floors (table `streets`)."""

from triptych.cyclegan.streets_protocol import evaluate_references, train_evaluator
from triptych.stage import Stage, main


def work():
    with Stage("streets", "fcn", "fcn", ["streets.fcn"]) as stage:
        train, val = (stage.data(stage.protocol.data, split) for split in ("train", "val"))
        evaluator = train_evaluator(train, stage.spec(stage.protocol.data), stage.protocol, stage.replica(0))
        evaluator.save("models/streets/fcn")
        for name, (metrics, notes) in evaluate_references(evaluator, train, val, stage.protocol).items():
            stage.result(metrics, notes, system=name)


main(work)
