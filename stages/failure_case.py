"""Stage failure_case@<texture|geometry>: what CycleGAN changes, judged by classifiers of skins and of shapes."""

from triptych.cyclegan.gan.two_domains import TwoDomains
from triptych.cyclegan.studies.failure_case.figures import draw_ways
from triptych.cyclegan.studies.failure_case.protocol import PROPERTIES, results, run
from triptych.pipeline.stage import Stage, main


def work(item):
    with Stage("failure_case", item, "failure_case") as stage:
        protocol = stage.protocol
        names = {kind: getattr(protocol, kind) for kind in PROPERTIES}
        for split, role in (("trainA", "train"), ("testA", "test")):
            stage.uses(names[item], split, role)
        train, test = (
            {kind: TwoDomains.of(stage.dataset(name), split) for kind, name in names.items()}
            for split in ("train", "test")
        )
        done = stage.for_each(protocol.seeds, lambda seed: run(item, train, test, protocol, stage.replica(seed)))
        card = stage.dataset(names[item]).card
        domains = card.get("domains", ["A", "B"])
        rows = results(item, done, card, protocol)

        def drawing(row):
            return f"{row}.png", lambda path: draw_ways(done[0][row][1], domains, path, rows[row].notes[0])

        stage.figures([drawing(row) for row in rows])
        for row, result in rows.items():
            stage.result(result, system=row)


main(work)
