"""Stage guidelines: the DCGAN paper's guidelines, each left out in turn (study `guidelines`)."""

from triptych.dcgan.studies.guidelines.figures import draw_variants
from triptych.dcgan.studies.guidelines.protocol import Judge, evaluate, run
from triptych.pipeline.stage import Stage, main


def work():
    with Stage("guidelines", "variants", "guidelines") as stage:
        protocol = stage.protocol
        real = stage.uses(protocol.unlabelled, "train", "unlabelled").images
        judge = Judge(
            protocol, real, stage.uses(protocol.data, "train"), stage.uses(protocol.data, "test"), stage.device
        )
        jobs = [(variant, seed) for variant in protocol.variants for seed in protocol.seeds]
        runs = stage.for_each(jobs, lambda job: run(job[0], judge, stage.replica(job[1], part=job[0])))
        stage.figures([("variants.png", lambda path: draw_variants(runs, real, path))])
        for variant, result in evaluate(runs, protocol, judge).items():
            stage.result(result, system=variant)


main(work)
