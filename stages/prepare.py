"""Stage prepare@<dataset>: fetch or render a dataset and write it in the on-disk form."""

from triptych.base import project
from triptych.base.errors import main
from triptych.data.prepare import prepare
from triptych.pipeline.params import load_params


def work(name):
    dataset = prepare(name, load_params().dataset(name), project.prepared(name))
    print(f"{dataset.path}: {dataset.card['title']}, {dataset.card['splits']}")
    for note in dataset.card.get("notes", []):
        print(note)


main(work)
