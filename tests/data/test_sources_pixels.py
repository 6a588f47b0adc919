"""Photos in every form that a PNG can have: transparency, depths, and the colours of other formats."""

import struct

import numpy as np
import pytest
from packed import encoded, png
from PIL import Image

from triptych.data.format import DataError
from triptych.data.sources.pixels import photo


def read(image, kind="PNG", save=None, **options):
    """One photo of 8 x 8 pixels through a file, as (3, 8, 8)."""
    return photo(encoded(image, kind, **save or {}), "0.png", 8, **options)


def halves(mode, left, right):
    image = Image.new(mode, (8, 8), left)
    image.paste(right, (4, 0, 8, 8))
    return image


def indexed():
    image = halves("P", 0, 1)
    image.putpalette([10, 20, 30, 200, 0, 0])
    return image


# An image whose left half is transparent and dark, the right one opaque: (image, how to save it, the right half)
TRANSPARENT = {
    "RGBA": (halves("RGBA", (10, 20, 30, 0), (200, 0, 0, 255)), {}, (200, 0, 0)),
    "LA": (halves("LA", (10, 0), (200, 255)), {}, (200,) * 3),
    "P, one entry": (indexed(), {"transparency": 0}, (200, 0, 0)),
    "P, alpha of each": (indexed(), {"transparency": b"\0\xff"}, (200, 0, 0)),
    "RGB, a colour": (halves("RGB", (10, 20, 30), (200, 0, 0)), {"transparency": (10, 20, 30)}, (200, 0, 0)),
    "L, a level": (halves("L", 10, 200), {"transparency": 10}, (200,) * 3),
    "1, a level": (halves("1", 0, 1), {"transparency": 0}, (255,) * 3),
}


@pytest.mark.parametrize(("image", "save", "right"), TRANSPARENT.values(), ids=TRANSPARENT)
def test_transparent_pixels_show_the_background(image, save, right):
    white, black = (read(image, save=save, background=colour) for colour in ((255, 255, 255), (0, 0, 0)))
    assert white[:, 0, 0].tolist() == [255] * 3 and black[:, 0, 0].tolist() == [0] * 3
    assert tuple(white[:, 0, 7]) == tuple(black[:, 0, 7]) == right
    assert read(image, save=save)[:, 0, 0].tolist() == [255] * 3, "white unless told otherwise"
    assert read(image, save=save, grey=True)[0, 0, 0] == 255
    with pytest.raises(DataError, match=r"0\.png has transparent pixels"):
        read(image, save=save, background=None)


def test_half_transparent_pixels_are_mixed_and_an_opaque_alpha_channel_changes_nothing():
    assert read(Image.new("RGBA", (8, 8), (200, 0, 100, 51)))[:, 0, 0].tolist() == [244, 204, 224]
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    found = read(Image.fromarray(pixels), background=None)
    assert np.array_equal(found, pixels[..., :3].transpose(2, 0, 1))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF"])
def test_other_formats_are_laid_on_white_too(kind):
    image = halves("RGBA", (10, 20, 30, 0), (200, 0, 0, 255))
    save = {"lossless": True} if kind == "WEBP" else {}
    found = read(image, kind, save)
    assert found[:, 0, 0].tolist() == [255] * 3 and found[0, 0, 7] > 190


def test_cmyk_and_grey_photos_become_rgb():
    red = read(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", {"quality": 100})[:, 4, 4]
    assert red[0] > 245 and red[1:].max() < 10
    assert read(Image.new("L", (8, 8), 77), "JPEG", {"quality": 100})[:, 4, 4].tolist() == [77] * 3


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_grey_of_unknown_range_is_refused(mode):
    with pytest.raises(DataError, match="save it with 8 bits per channel"):
        read(Image.new(mode, (8, 8)), "TIFF")


def test_of_sixteen_bits_a_colour_the_upper_eight_are_taken():
    line = struct.pack(">3H", 0x0180, 0x80FF, 0xFF00) * 8
    file = png([line] * 8, 8, 16, colour=2)
    assert photo(file, "0.png", 8)[:, 3, 3].tolist() == [0x01, 0x80, 0xFF]
