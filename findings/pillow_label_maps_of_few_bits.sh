#!/usr/bin/env bash
# Pillow 13.0.0: a grey PNG of 1, 2 or 4 bits comes back with its values spread over 0 to 255, in mode "1" or "L". A label
# map of up to 16 classes saved so (as the PNG format allows, and tools that optimise files do) has other ids when it is
# read: id 3 of 4 bits is 51. The number of bits is not kept anywhere on the image, so that a reader cannot undo it. An
# indexed PNG of the same few bits keeps its ids.
#
# Seen: grey, 4 bits: ids 0, 1, 2, 3, 15 are read as 0, 17, 34, 51, 255; 2 bits: 0, 1, 2, 3 as 0, 85, 170, 255.
# Indexed, 4 bits: 0, 1, 2, 3, 15.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0 pypng==0.20220715.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import PIL
import png
from PIL import Image


def read(ids, **form):
    file = f"{sys.argv[1]}/labels.png"
    with open(file, "wb") as out:
        png.Writer(len(ids), 1, **form).write(out, [ids])
    with Image.open(file) as image:
        return [int(v) for v in image.tobytes()], image.mode, dict(image.info)


four, mode, info = read([0, 1, 2, 3, 15], greyscale=True, bitdepth=4)
two, _, _ = read([0, 1, 2, 3], greyscale=True, bitdepth=2)
palette = [(17 * k, 0, 0) for k in range(16)]
indexed, _, _ = read([0, 1, 2, 3, 15], palette=palette, bitdepth=4)
print("Pillow", PIL.__version__)
print("grey, 4 bits:", four, mode, info)
print("grey, 2 bits:", two)
print("indexed, 4 bits:", indexed)
assert four == [0, 17, 34, 51, 255] and mode == "L" and "bits" not in info
assert two == [0, 85, 170, 255]
assert indexed == [0, 1, 2, 3, 15]
PYTHON
