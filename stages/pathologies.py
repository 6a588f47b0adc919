"""Stage pathologies@<item>: an experiment on what goes wrong when GANs are trained (study `pathologies`)."""

from triptych.dcgan.studies.pathologies.protocol import experiment
from triptych.pipeline.stage import Stage, main


def work(item):
    with Stage("pathologies", item, "pathologies", ["pathologies.seeds", f"pathologies.items.{item}"]) as stage:
        config = stage.protocol.config(item)
        module = experiment(config.experiment)
        images = [stage.uses(stage.protocol.data, "train").images] if module.LEARNS_IMAGES else []
        runs = stage.for_each(stage.protocol.seeds, lambda seed: module.run(config, stage.replica(seed), *images))
        stage.figures([(f"{item}.png", lambda path: module.draw(config, runs, path))])
        result = module.evaluate(config, runs)
        stage.result(result)


main(work)
