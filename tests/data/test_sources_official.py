"""Published files, whichever set they are of: how one that is absent or another is told, and what is known of them."""

import math

import pytest

from triptych.data.format import DataError
from triptych.data.sources import camvid, chairs3d, cityscapes, dsprites, imagenet, tiny_imagenet


def load(source, root, **options):
    return source.load(source.Config(root=str(root), **options), 64)


OFF = "downloads are off"
CITYSCAPES = r"csDownload -d .*cityscapes gtFine_trainvaltest\.zip leftImg8bit_trainvaltest\.zip"


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (camvid, {"download": False}, rf"{OFF}.*fast-ai-imagelocal.*camvid\.tgz.*put it at"),
        (chairs3d, {"download": False}, rf"{OFF}.*rendered_chairs\.tar.*put it at"),
        (dsprites, {"download": False}, rf"{OFF}.*dsprites-dataset.*put it at .*64x64\.npz"),
        (tiny_imagenet, {"download": False}, rf"{OFF}.*tiny-imagenet-200\.zip.*put it at"),
        (imagenet, {}, r"Register at image-net\.org.*ILSVRC2012_img_train\.tar .138 GB"),
        (cityscapes, {}, f"Register at.*pip install cityscapesscripts.*{CITYSCAPES}"),
    ],
)
def test_what_is_absent_can_be_had_there(tmp_path, source, options, message):
    with pytest.raises(DataError, match=message):
        load(source, tmp_path, **options)


@pytest.mark.parametrize(
    ("source", "file"),
    [
        (camvid, f"camvid/{camvid.ARCHIVE}"),
        (dsprites, f"dsprites/{dsprites.FILE}"),
        (imagenet, f"imagenet/{imagenet.ARCHIVE}"),
        (tiny_imagenet, f"tiny_imagenet/{tiny_imagenet.ARCHIVE}"),
    ],
)
def test_another_file_is_refused_before_it_is_read(tmp_path, source, file):
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_bytes(b"<html>quota</html>")
    with pytest.raises(DataError, match="damaged or not the official file: its (MD5|git blob id) is"):
        load(source, tmp_path)


def test_what_is_published_of_the_files():
    assert (camvid.MD5, camvid.FRAMES, camvid.WIDTH_HEIGHT) == ("648371e4f3a833682afb39b08a3ce2aa", 701, (960, 720))
    models, views = chairs3d.MODELS, chairs3d.ELEVATIONS * chairs3d.AZIMUTHS
    assert (models, views, models * views) == (1393, 62, 86_366)
    assert cityscapes.COUNTS == {"train": 2975, "val": 500} and cityscapes.WIDTH_HEIGHT == (2048, 1024)
    assert dsprites.FILE == "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"  # whose name tells its sizes
    assert dsprites.GIT_BLOB == "d98996d3f8ee1550e06b9d4ed78d0beb478910d5"
    assert dsprites.SIZES == (3, 6, 40, 32, 32) == tuple(map(len, dsprites.latent_values()))
    assert math.prod(dsprites.SIZES) == 737_280
    names = imagenet.MD5, imagenet.CLASSES, imagenet.IMAGES
    assert names == ("1d675b47d978889d74fa0da5fadfb00e", 1000, 1_281_167)
    names = tiny_imagenet.MD5, tiny_imagenet.CLASSES, tiny_imagenet.IMAGES
    assert names == ("90528d7ca1a48142e341f4ef8d21d0de", 200, 100_000)
