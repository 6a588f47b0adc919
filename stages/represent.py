"""Stage represent@<system>: learn a representation of the shapes (table `shapes`)."""

from triptych.beta_vae.shapes.figures.drawings import draw_figures
from triptych.beta_vae.shapes.fitting import fit_all, learn_together
from triptych.pipeline.stage import Stage, main


def work(system_name):
    with Stage("shapes", system_name, "represent") as stage:
        data, seeds = stage.protocol.dataset, stage.protocol.seeds
        train = stage.data(data, "train")

        def learn(seeds):
            systems = [stage.build(seed, data) for seed in seeds]
            fit_all(systems, train, [stage.replica(seed) for seed in seeds])
            for seed, system in zip(seeds, systems):
                stage.save(system, seed, data)

        together = learn_together(stage.build(seeds[0], data))
        stage.for_each(stage.shares(seeds) if together else [[seed] for seed in seeds], learn)
        if stage.is_main:
            stage.figures(draw_figures(stage.load(seeds[0]), stage.dataset(data), stage.device))


main(work)
