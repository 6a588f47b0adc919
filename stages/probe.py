"""Stage probe@<system>: judge learned features by a linear SVM (table `objects`)."""

from triptych.dcgan.objects.protocol import evaluate
from triptych.pipeline.stage import Stage, main


def work(system_name):
    with Stage("objects", system_name, "probe") as stage:
        stage.uses(stage.protocol.unlabelled, "train", "unlabelled")  # what the features were learned from
        train, test = (stage.uses(stage.protocol.data, split) for split in ("train", "test"))
        systems = {seed: stage.load(seed) for seed in stage.protocol.seeds}
        result = evaluate(systems, train, test, stage.protocol, stage.device, stage.for_each)
        stage.result(result)


main(work)
