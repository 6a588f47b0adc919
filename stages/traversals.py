"""Stage traversals@<dataset>: what each latent changes in the picture, by system (study `traversals`)."""

from triptych.beta_vae.studies.traversals.figures import draw_figures
from triptych.beta_vae.studies.traversals.protocol import evaluate, jobs, judge, run
from triptych.pipeline.stage import Stage, main


def work(name):
    with Stage("traversals", name, "traversals") as stage:
        stage.uses(name, "train")
        dataset, protocol = stage.dataset(name), stage.protocol
        todo = jobs(protocol, name)
        done = stage.for_each(todo, lambda job: run(job, protocol, dataset, stage.replica(job.seed, part=job.name)))
        outcomes, r2 = judge(todo, done, protocol, dataset)
        stage.figures(draw_figures(outcomes, dataset, protocol))
        for system, result in evaluate(outcomes, r2, dataset, protocol).items():
            stage.result(result, system=f"{name}/{system}")


main(work)
