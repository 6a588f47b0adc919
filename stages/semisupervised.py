"""Stage semisupervised@<system>: learn from many images and few labels, over draws of labels (table `digits`)."""

from triptych.dcgan.digits_protocol import evaluate, notes
from triptych.dcgan.figures import draw_samples
from triptych.stage import Stage, main


def work(system_name):
    with Stage("digits", system_name, "semisupervised") as stage:
        dataset = stage.protocol.dataset
        train = stage.data(dataset, "train")
        stage.data(dataset, "test")
        metrics = {}
        for seed in stage.protocol.seeds:
            system = stage.build(seed, dataset)
            for name, values in evaluate(system, stage.dataset(dataset), stage.protocol, stage.replica(seed)).items():
                metrics.setdefault(name, []).extend(values)
            stage.save(system, seed, dataset)
        samples = [("samples.png", lambda path: draw_samples(system, train.images, path))]
        stage.figures(samples if hasattr(system, "sample") else [])
        stage.result(metrics, notes(system, stage.protocol))


main(work)
