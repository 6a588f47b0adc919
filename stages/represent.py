"""Stage represent@<system>: learn a representation of the shapes (table `shapes`)."""

from triptych.beta_vae.shapes_protocol import fit_all
from triptych.beta_vae.traversal import draw_figures
from triptych.stage import Stage, main


def work(system_name):
    with Stage("shapes", system_name, "represent") as stage:
        data = stage.protocol.dataset
        train = stage.data(data, "train")
        systems = [stage.build(seed, data) for seed in stage.protocol.seeds]
        fit_all(systems, train, [stage.replica(seed) for seed in stage.protocol.seeds])
        for seed, system in zip(stage.protocol.seeds, systems):
            stage.save(system, seed, data)
        stage.figures(draw_figures(systems[0], stage.dataset(data), stage.device))


main(work)
