"""Stage translate@<system>: learn to translate labels to photos and photos to labels (table `streets`)."""

from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.figures import draw_translations, sheets_during_training
from triptych.pipeline.stage import Stage, main

SHEETS = 4  # pictures of the first seed on the way; MLflow shows them while the training goes on


def work(system_name):
    with Stage("streets", system_name, "translate") as stage:
        dataset = stage.protocol.dataset
        stage.uses(dataset, "train")
        train, val = (StreetData.of(stage.dataset(dataset), split) for split in ("train", "val"))

        def learn(seed):
            system, replica = stage.build(seed, dataset), stage.replica(seed)
            if stage.is_main and seed == stage.protocol.seeds[0]:
                replica.callback = sheets_during_training(system, val, stage.checkpoints / "sheets", stage.device)
                replica.callbacks = SHEETS
            system.fit(train, replica)
            stage.save(system, seed, dataset)

        stage.for_each(stage.protocol.seeds, learn)
        if stage.is_main:
            system = stage.load(stage.protocol.seeds[0])
            stage.figures([("translations.png", lambda path: draw_translations(system, val, path, stage.device))])


main(work)
