"""Results made by hand."""

from triptych.base.results import summary


def row(seeds=None, data="rendered", **metrics):
    """A result with a list of values for each metric: of as many trainings as it has values, unless `seeds` says how
    many. A name of a metric that is no Python name is given with __ for /."""
    found = {name.replace("__", "/"): summary(values) for name, values in metrics.items()}
    seeds = range(max(number["n"] for number in found.values())) if seeds is None else range(seeds)
    return {"data": {"test": f"{data} (test, n=9)"} if data else {}, "seeds": list(seeds), "metrics": found}
