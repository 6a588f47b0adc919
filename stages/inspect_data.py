"""Stage inspect@<dataset>: a contact sheet, and the numbers of the standard that the dataset must meet."""

from triptych.base import project
from triptych.base.errors import main
from triptych.data.format import Dataset
from triptych.data.inspect import inspect


def work(name):
    print(f"{name}:\n{inspect(Dataset(project.prepared(name)), project.outputs('data', name))}")


main(work)
