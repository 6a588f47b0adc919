"""Stage images_seen: what a DCGAN's features are worth against the images it has seen (study `images_seen`)."""

from triptych.dcgan.studies.images_seen.figures import draw_curve
from triptych.dcgan.studies.images_seen.protocol import FLAT, Judge, evaluate, flat_line, follow
from triptych.pipeline.stage import Stage, main

SECTIONS = ["images_seen", "objects.probe", *(f"objects.systems.{name}" for name in ["dcgan", *FLAT])]


def work():
    with Stage("images_seen", "objects", "images_seen", SECTIONS) as stage:
        protocol, table = stage.protocol, stage.params.tables["objects"]
        images, spec = stage.uses(protocol.unlabelled, "train", "unlabelled").images, stage.spec(protocol.unlabelled)
        judge = Judge(
            table.protocol.probe,
            stage.uses(protocol.data, "train"),
            stage.uses(protocol.data, "test"),
            stage.device,
        )

        def learn(job):
            name, seed = job
            replica, config = stage.replica(seed, part=name), table.systems[name]
            if name == "dcgan":
                return follow(config, protocol, judge, images, spec, replica)
            return flat_line(name, config, judge, images, spec, replica)

        learned = [("dcgan", seed) for seed in protocol.seeds] + [("kmeans_1layer", seed) for seed in protocol.seeds]
        jobs = [*learned, ("raw_pixels", protocol.seeds[0])]  # which learns nothing
        found = list(zip(jobs, stage.for_each(jobs, learn)))
        curves = [values for (name, _), values in found if name == "dcgan"]
        flat = {row: [values for (name, _), values in found if name == row] for row in FLAT}
        stage.figures([("accuracy.png", lambda path: draw_curve(curves, flat, protocol, path))])
        for name, result in evaluate(curves, flat, protocol, table.systems["dcgan"]).items():
            stage.result(result, name)


main(work)
