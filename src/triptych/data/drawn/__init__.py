"""Drawn datasets. A renderer is a module or package that is named here, with `class Config(Strict)` and
`render(config, size)`, which returns the splits and the card's own fields. README.md says what each draws, and how to
add one."""

RENDERERS = (
    "objects",
    "objects_unlabelled",
    "digits",
    "streets",
    "shapes",
    "faces",
    "fruit",
    "heads",
    "chairs",
)
"""What `rendered.renderer` may name in params.yaml."""
