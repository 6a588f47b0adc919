"""Real data: one module per kind of source, each with `class Config(Strict)` and `load(config, size)`.

`load` returns the splits and the card's own fields, as `format.write_dataset` takes them. Files named `_*.py`
are what the sources share: finding files (`_trees`), getting them (`_download`), decoding them (`_pixels`).
"""
