"""Stage features@<system>: learn features from unlabelled images (table `objects`)."""

from triptych.draw.samples import draw_samples
from triptych.engine.system import Sampler
from triptych.pipeline.stage import Stage, main


def work(system_name):
    with Stage("objects", system_name, "features") as stage:
        unlabelled = stage.uses(stage.protocol.unlabelled, "train", "unlabelled").images

        def train(seed):
            system = stage.build(seed, stage.protocol.unlabelled)
            system.fit(unlabelled, stage.replica(seed))
            stage.save(system, seed, stage.protocol.unlabelled)

        stage.for_each(stage.protocol.seeds, train)
        if stage.is_main:
            system = stage.load(stage.protocol.seeds[0])
            samples = [("samples.png", lambda path: draw_samples(system, unlabelled, path))]
            stage.figures(samples if isinstance(system, Sampler) else [])


main(work)
