"""Stage beta_sweep: VAEs of growing β, their scores, rates and distortions (study `beta_sweep`)."""

from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.studies.beta_sweep.figures import draw_figures
from triptych.beta_vae.studies.beta_sweep.protocol import evaluate, judge, train_rows
from triptych.pipeline.stage import Stage, main


def work():
    with Stage("beta_sweep", "shapes", "beta_sweep") as stage:
        protocol = stage.protocol
        train = stage.uses(protocol.dataset, "train", "test")  # the whole grid is trained and judged on
        grid = Grid(stage.dataset(protocol.dataset).factors, merge_poses=protocol.judging.merge_poses)
        rows, spec = protocol.rows(), stage.spec(protocol.dataset)
        models = train_rows(rows, protocol, spec, train.images, [stage.replica(seed) for seed in protocol.seeds])
        outcomes = judge(models, train, grid, protocol, stage.device)
        stage.figures(draw_figures(rows, models, outcomes, train, grid, stage.device))
        for name, result in evaluate(models, outcomes, protocol).items():
            stage.result(result, name)


main(work)
