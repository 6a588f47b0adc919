"""Stage represent@<system>: learn a representation of the shapes (table `shapes`)."""

from triptych.beta_vae.shapes.figures.drawings import draw_figures
from triptych.beta_vae.shapes.parts.system import FitsTogether
from triptych.pipeline.stage import Stage, main
from triptych.pipeline.systems import module


def work(system_name):
    with Stage("shapes", system_name, "represent") as stage:
        data, seeds, row = stage.protocol.dataset, stage.protocol.seeds, module("shapes", system_name).System
        train = stage.uses(data, "train")
        together = issubclass(row, FitsTogether)

        def learn(seeds):
            systems, replicas = [stage.build(seed, data) for seed in seeds], [stage.replica(seed) for seed in seeds]
            if together:
                row.fit_together(systems, train.images, replicas)
            else:
                for system, replica in zip(systems, replicas, strict=True):
                    system.fit(train.images, train.factors, replica)
            for seed, system in zip(seeds, systems, strict=True):
                stage.save(system, seed, data)

        # Stacked seeds train in one process however many there are: how they are stacked decides the rounding.
        stage.for_each([seeds] if together else [[seed] for seed in seeds], learn)
        if stage.is_main:
            stage.figures(draw_figures(stage.load(seeds[0]), stage.dataset(data), stage.device))


main(work)
