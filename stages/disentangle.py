"""Stage disentangle@<system>: score representations by the disentanglement metrics (table `shapes`)."""

from triptych.beta_vae.shapes.protocol import evaluate
from triptych.pipeline.stage import Stage, main


def work(system_name):
    with Stage("shapes", system_name, "disentangle") as stage:
        stage.uses(stage.protocol.dataset, "train", "test")  # as in the paper, the whole grid is trained and judged on
        systems = [stage.load(seed) for seed in stage.protocol.seeds]
        result = evaluate(systems, stage.dataset(stage.protocol.dataset), stage.protocol, stage.device, stage.for_each)
        stage.result(result)


main(work)
