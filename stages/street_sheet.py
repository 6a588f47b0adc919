"""Stage street_sheet: one sheet across all systems, each way, on the same scenes (table `streets`)."""

from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.sheet import draw_system_sheet
from triptych.pipeline import systems
from triptych.pipeline.stage import Stage, main


def work():
    with Stage("streets", "sheet", "street_sheet", ["streets.systems"]) as stage:
        dataset, seed = stage.protocol.dataset, stage.protocol.seeds[0]
        stage.uses(dataset, "val")
        val = StreetData.of(stage.dataset(dataset), "val")
        names = stage.params.tables["streets"].systems
        trained = {name: systems.load(f"streets/{name}", seed, device=stage.device) for name in names}

        def sheet(way):
            return lambda path: draw_system_sheet(trained, val, way, path, stage.device)

        stage.figures([(f"{way}.png", sheet(way)) for way in ("to_photo", "to_labels")])


main(work)
