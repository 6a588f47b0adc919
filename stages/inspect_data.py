"""Stage inspect@<dataset>: a contact sheet, and the numbers of the standard that the dataset must meet."""

from pathlib import Path

from triptych.data.format import Dataset
from triptych.data.inspect import inspect
from triptych.pipeline.stage import PREPARED, main


def work(name):
    measures = inspect(Dataset(PREPARED / name), Path("outputs/data") / name)
    print(f"{name}: " + ", ".join(f"{k} = {v:.4g}" for k, v in measures.items()))


main(work)
