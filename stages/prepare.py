"""Stage prepare@<dataset>: fetch or render a dataset and write it in the on-disk form."""

from triptych.data.prepare import prepare
from triptych.pipeline.params import load_params
from triptych.pipeline.stage import PREPARED, main


def work(name):
    dataset = prepare(name, load_params().dataset(name), PREPARED / name)
    print(f"{dataset.path}: {dataset.card['title']}, {dataset.card['splits']}")


main(work)
