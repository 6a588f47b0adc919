"""Stage failure_case@<texture|geometry>: what CycleGAN changes, judged by classifiers of skins and of shapes."""

from triptych.cyclegan.gan.two_domains import TwoDomains
from triptych.cyclegan.studies.failure_case.figures import draw_ways
from triptych.cyclegan.studies.failure_case.protocol import PROPERTIES, notes_on, run
from triptych.pipeline.stage import Stage, main


def work(item):
    with Stage("failure_case", item, "failure_case") as stage:
        protocol = stage.protocol
        names = {kind: getattr(protocol, kind) for kind in PROPERTIES}
        for split, role in (("trainA", "train"), ("testA", "test")):
            stage.data(names[item], split, role)
        train, test = (
            {kind: TwoDomains.of(stage.dataset(name), split) for kind, name in names.items()}
            for split in ("train", "test")
        )
        done = stage.for_each(protocol.seeds, lambda seed: run(item, train, test, protocol, stage.replica(seed)))
        card = stage.dataset(names[item]).card
        domains = card.get("domains", ["A", "B"])
        notes = {f"{item}{suffix}": notes_on(card, config) for suffix, config in protocol.trainings().items()}

        def drawing(row):
            return f"{row}.png", lambda path: draw_ways(done[0][row][1], domains, path, notes[row][0])

        stage.figures([drawing(row) for row in notes])
        for row in notes:
            values = [of_seed[row][0] for of_seed in done]
            stage.result({name: [v[name] for v in values] for name in values[0]}, notes[row], system=row)


main(work)
