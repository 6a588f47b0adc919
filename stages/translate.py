"""Stage translate@<system>: learn to translate labels to photos and photos to labels (table `streets`)."""

from triptych.cyclegan.data import StreetData
from triptych.cyclegan.figures import draw_translations
from triptych.stage import Stage, main


def work(system_name):
    with Stage("streets", system_name, "translate") as stage:
        dataset = stage.protocol.dataset
        stage.data(dataset, "train")
        train, val = (StreetData.of(stage.dataset(dataset), split) for split in ("train", "val"))

        def learn(seed):
            system = stage.build(seed, dataset)
            system.fit(train, stage.replica(seed))
            stage.save(system, seed, dataset)

        stage.for_each(stage.protocol.seeds, learn)
        system = stage.load(stage.protocol.seeds[0])
        stage.figures([("translations.png", lambda path: draw_translations(system, val, path, stage.device))])


main(work)
