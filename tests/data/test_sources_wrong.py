"""Folders of one's own images that are nearly right: one clear error each, and what is read all the same."""

import numpy as np
import pytest
from own_images import GREEN, RED, load, pairs, picture, written
from PIL import Image

from triptych.data.format import DataError


def no_label(p):
    pairs(p)
    (p / "val/label/1.png").unlink()


def one_label(colour, wh):
    def make(p):
        pairs(p)
        picture(p / "train/label/1.png", colour, wh)

    return make


def pictures(*files):
    return lambda p: [picture(p / file, wh=(99, 99)) for file in files]


def heic(*files):
    def make(p):
        picture(p / "train/cat/1.png")
        for file in files:
            (p / file).parent.mkdir(parents=True, exist_ok=True)
            (p / file).write_bytes(b"ftypheic")

    return make


def see_through(p):
    p.mkdir()
    Image.new("RGBA", (9, 9), (0, 0, 0, 100)).save(p / "1.png")


def half_an_image(p):
    picture(p / "1.png", wh=(99, 99))
    (p / "1.png").write_bytes((p / "1.png").read_bytes()[:-60])


def not_an_image(p):
    p.mkdir()
    (p / "1.png").write_text("<html>")


def sixteen_bits(p):
    p.mkdir()
    Image.new("I;16", (9, 9)).save(p / "1.png")


WRONG = {  # what is wrong: (how it is made, options, what the message says)
    "empty": (lambda p: p.mkdir(), {}, "holds no images.*Expected is <split>/<class>"),
    "stray folder": (pictures("train/a/1.png", "notes/a/1.png"), {},
                     "beside the splits train there is the folder 'notes'"),
    "stray image": (pictures("train/a/1.png", "train/1.png"), {},
                    "train holds both single images and class folders"),
    "a split twice": (pictures("val/a/1.png", "validation/a/2.png"), {},
                      "'val' and 'validation' are both the split 'val': put them together"),
    "no label": (no_label, {"classes": "camvid"}, "val: 1 photos or labels have no partner or two, e.g. '1'"),
    "no classes": (pairs, {}, "say what their ids mean with `classes`"),
    "unknown id": (lambda p: pairs(p, ids=(0, 77)), {"classes": "camvid"}, r"0\.png holds the class ids"),
    "colour label": (one_label(RED, (24, 12)), {"classes": "camvid"}, r"1\.png is a PNG with RGB pixels"),
    "label of another size": (one_label(3, (12, 12)), {"classes": "camvid"},
                              r"1\.jpg is \(24, 12\), its label map \(12, 12\)"),
    "images and masks": (pictures("train/images/1.png", "train/Masks/1.png"), {},
                         "holds images/ and Masks/.*call the folders photo/ and label/"),
    "photo and masks": (pictures("train/photo/1.png", "train/masks/1.png"), {}, "should hold photo/ and label/"),
    "capitals of a class": (pictures("train/cat/1.png", "train/dog/1.png", "test/Cat/1.png", "test/dog/1.png"), {},
                            "'Cat' is in 'test' and not in 'train', which has 'cat': give both the same name"),
    "a class in test alone": (pictures("train/a/1.png", "train/b/1.png", *(f"test/{c}/1.png" for c in "abz")), {},
                              "'z' is in 'test' and not in 'train': every split needs every class"),
    "a class in train alone": (pictures("train/a/1.png", "train/bird/1.png", "test/a/1.png"), {},
                               "'bird' is in 'train' and not in 'test'"),
    "two spellings": (pictures("cat/1.png", "Cat/2.png"), {}, "'Cat' and 'cat' are nearly one name"),
    "a class of .heic": (heic("train/dog/1.HEIC", "train/dog/2.heic"), {},
                         r"train/dog holds images of kinds that are not read \(2 \.heic\)"),
    "a split of .heic": (heic("test/cat/1.heic"), {}, r"test/cat holds images of kinds that are not read \(1 \.heic\)"),
    "splits of other names": (pictures(*(f"{s}/{c}/1.png" for s in ("learn", "exam") for c in "ab")), {},
                              "the folders exam, learn look like splits.*`splits`"),
    "a misspelt split": (pictures("trian/a/1.png", "tset/b/1.png"), {}, "trian, tset look like splits"),
    "flat, with labels": (pictures("1.png", "2.png"), {"labels": True}, "`labels: true` asks for class folders"),
    "one class, with labels": (pictures("train/a/1.png", "test/a/1.png"), {"labels": True}, "holds one class, 'a'"),
    "no partner by capitals": (pictures("train/photo/A1.png", "train/label/a1.png"), {"classes": "camvid"},
                               "no partner or two, e.g. 'A1'; the nearest name on the other side is 'a1'"),
    "transparent": (see_through, {"background": "refuse"}, "has transparent pixels: set `background`"),
    "half an image": (half_an_image, {}, r"1\.png cannot be read as an image.*Replace it or take it away"),
    "not an image": (not_an_image, {}, r"1\.png cannot be read as an image"),
    "JPEG without pairs": (pictures("train/a/1.png"), {"prepared_as": "jpeg_bicubic"},
                           "is for pairs.*the split 'train' has no photo/ with label/: set prepared_as: png"),
    "16 bits": (sixteen_bits, {}, "save it with 8 bits"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "options", "message"), WRONG.values(), ids=WRONG)
def test_one_clear_error_and_nothing_written(make, options, message, tmp_path):
    make(tmp_path / "set")
    with pytest.raises(DataError, match=message):
        written(tmp_path, tmp_path / "set", **options)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_splits_and_sides_may_have_capitals(tmp_path):
    for file, colour in (
        ("Train/cat/1.png", RED),
        ("Train/dog/1.png", GREEN),
        ("TEST/cat/1.png", RED),
        ("TEST/dog/1.png", GREEN),
    ):
        picture(tmp_path / "set" / file, colour)
    data = written(tmp_path, tmp_path / "set")
    assert data.card["splits"] == {"train": 2, "test": 2} and data.card["class_names"] == ["cat", "dog"]
    pairs(tmp_path / "streets", splits=["Train", "Val"])
    for split in ("Train", "Val"):
        (tmp_path / "streets" / split / "photo").rename(tmp_path / "streets" / split / "Photo")
    assert list(load(tmp_path / "streets", classes="camvid")[0]) == ["train", "val"]
    picture(tmp_path / "set/train/cat/2.png")
    with pytest.raises(DataError, match="'Train' and 'train' are both the split 'train'"):
        load(tmp_path / "set")


def test_everything_but_what_another_split_names(tmp_path):
    for i in range(3):
        picture(tmp_path / f"set/cat/{i}.png")
        picture(tmp_path / f"set/dog/{i}.png")
    picture(tmp_path / "set/test/cat/9.png")
    picture(tmp_path / "set/test/dog/9.png")
    data = written(tmp_path, tmp_path / "set", splits={"train": ".", "test": "test"})
    assert data.card["splits"] == {"train": 6, "test": 2} and data.card["class_names"] == ["cat", "dog"]


def test_a_split_may_be_a_link_to_another(tmp_path):
    picture(tmp_path / "set/train/cat/1.png")
    picture(tmp_path / "set/train/dog/1.png", GREEN)
    (tmp_path / "set/test").symlink_to("train")
    (tmp_path / "set/train/cat/back").symlink_to(tmp_path / "set")
    (tmp_path / "set/nowhere").symlink_to(tmp_path / "gone")
    data = written(tmp_path, tmp_path / "set")
    assert data.card["splits"] == {"train": 2, "test": 2}
    assert np.array_equal(data["test"].images, data["train"].images)
    assert data.card["notes"] == [
        f"not followed: the link {link}" for link in ("nowhere", "test/cat/back", "train/cat/back")
    ]


def test_files_that_are_not_read_are_counted(tmp_path):
    picture(tmp_path / "set/cat/1.png")
    for file in ("cat/2.heic", "cat/3.HEIC", "cat/notes.txt", "LICENCE"):
        (tmp_path / "set" / file).write_text("-")
    assert load(tmp_path / "set")[1]["notes"] == ["files that were not read: 2 × .heic, 1 × .txt, 1 × no suffix"]


def test_folders_of_one_session_each_are_classes(tmp_path):
    """Tiny ImageNet has train/<class>/images/*.JPEG."""
    for name in ("n01", "n02"):
        picture(tmp_path / f"set/{name}/images/1.jpg")
    assert load(tmp_path / "set")[1]["class_names"] == ["n01", "n02"]
