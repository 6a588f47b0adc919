"""Stage training_length: the score of VAE and β-VAE against their number of steps (study `training_length`)."""

from triptych.beta_vae.studies.training_length.figures import draw_curves
from triptych.beta_vae.studies.training_length.protocol import evaluate, flat_line, follow
from triptych.pipeline.stage import Stage, main

SYSTEMS = ["vae", "beta_vae"]
SECTIONS = ["training_length", "shapes.metrics", *(f"shapes.systems.{name}" for name in ["pca", *SYSTEMS])]


def work():
    with Stage("training_length", "shapes", "training_length", SECTIONS) as stage:
        protocol, table = stage.protocol, stage.params.tables["shapes"]
        stage.uses(protocol.dataset, "train", "test")  # the whole grid is trained and judged on
        dataset, settings = stage.dataset(protocol.dataset), table.protocol.metrics

        def learn(name):
            replicas = [stage.replica(seed, part=name) for seed in protocol.seeds]
            learned = flat_line if name == "pca" else follow
            return learned(table.systems[name], dataset, protocol, settings, replicas)

        flat, *curves = stage.for_each(["pca", *SYSTEMS], learn)
        followed = dict(zip(SYSTEMS, curves))
        results = evaluate(followed, flat, protocol)
        stage.figures([("score.png", lambda path: draw_curves(followed, flat, results, protocol, path))])
        for name, result in results.items():
            stage.result(result, name)


main(work)
