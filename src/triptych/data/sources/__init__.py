"""Real data: one module per kind of source, each with `class Config(Strict)` and `load(config, size)`.

`load` returns the splits and the card's own fields, as `format.write_dataset` takes them. The sources share `trees`
(finding files), `layout` (what a file's path says), `download` (getting files) and `pixels` (decoding images).
"""
