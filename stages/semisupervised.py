"""Stage semisupervised@<system>: learn from many images and few labels, over draws of labels (table `digits`)."""

from triptych.dcgan.digits.protocol import evaluate, run
from triptych.draw.samples import draw_samples
from triptych.engine.system import Sampler
from triptych.pipeline.stage import Stage, main


def work(system_name):
    with Stage("digits", system_name, "semisupervised") as stage:
        dataset = stage.protocol.dataset
        train = stage.uses(dataset, "train")
        stage.uses(dataset, "test")

        def learn(seed):
            system = stage.build(seed, dataset)
            metrics = run(system, stage.dataset(dataset), stage.protocol, stage.replica(seed))
            stage.save(system, seed, dataset)
            return metrics

        runs = stage.for_each(stage.protocol.seeds, learn)
        if stage.is_main:
            systems = [stage.load(seed) for seed in stage.protocol.seeds]
            samples = [("samples.png", lambda path: draw_samples(systems[0], train.images, path))]
            if stage.protocol.extra:
                stage.uses(dataset, "extra", "unlabelled")
            stage.figures(samples if isinstance(systems[0], Sampler) else [])
            stage.result(evaluate(systems, runs, stage.protocol))


main(work)
