"""Stage inspect@<dataset>: a contact sheet, and the numbers of the standard that the dataset must meet."""

from triptych.base import project
from triptych.base.errors import main
from triptych.data.format import Dataset
from triptych.data.inspect import inspect


def work(name):
    measures = inspect(Dataset(project.prepared(name)), project.outputs("data", name))
    print(f"{name}: " + ", ".join(f"{k} = {v:.4g}" for k, v in measures.items()))


main(work)
