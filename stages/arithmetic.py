"""Stage arithmetic: a DCGAN's code space, and what its filters and maps know (study `arithmetic`)."""

from triptych.dcgan.studies.arithmetic.figures import drawings
from triptych.dcgan.studies.arithmetic.protocol import evaluate, run
from triptych.pipeline.stage import Stage, main


def work():
    with Stage("arithmetic", "dcgan", "arithmetic") as stage:
        protocol = stage.protocol
        train, test = stage.uses(protocol.dataset, "train"), stage.uses(protocol.dataset, "test")
        card = stage.dataset(protocol.dataset).card
        outcomes = stage.for_each(protocol.seeds, lambda seed: run(train, test, card, protocol, stage.replica(seed)))
        stage.figures(drawings(outcomes, protocol))
        for row, result in evaluate(outcomes, protocol).items():
            stage.result(result, system=row)


main(work)
