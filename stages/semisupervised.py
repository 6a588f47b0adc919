"""Stage semisupervised@<system>: learn from many images and few labels, over draws of labels (table `digits`)."""

from triptych.dcgan.digits_protocol import evaluate
from triptych.dcgan.figures import draw_samples
from triptych.stage import Stage, main


def work(system_name):
    with Stage("digits", system_name, "semisupervised") as stage:
        train, test = (stage.data(stage.protocol.data, split) for split in ("train", "test"))
        metrics, notes, systems = evaluate(
            lambda seed: stage.build(seed, stage.protocol.data), train, test, stage.protocol, stage.replica
        )
        for seed, system in systems.items():
            stage.save(system, seed, stage.protocol.data)
        if hasattr(system, "sample"):
            stage.figure("samples.png", lambda path: draw_samples(system, train.images, path))
        stage.result(metrics, notes)


main(work)
