"""Arrays of images in ``.npy``: larger than memory, of every layout and type, damaged, without room."""

import io
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

import augalgebra as aa
from augalgebra.data import load_data
from augalgebra.data.arrays import map_images
from augalgebra.errors import AugalgebraError, DataError, ImageError
from augalgebra.runs import train as train_run

IMAGES = np.random.default_rng(0).integers(0, 256, (23, 3, 6, 8), np.uint8)


def save(path: Path, images: np.ndarray) -> Path:
    np.save(path, images)
    return path


def test_the_last_fifth_is_measured_on(tmp_path: Path) -> None:
    data = load_data(save(tmp_path / "a.npy", IMAGES))
    assert np.array_equal(IMAGES[:19], data.train.images)
    assert np.array_equal(IMAGES[19:], data.test.images)
    assert (19, (), [0] * 4) == (data.test.first, data.classes, data.test.labels.tolist())
    (remark,) = data.remarks
    assert remark.startswith(f"the last 4 images of {tmp_path / 'a.npy'} are measured on")
    images, ids = data.test.batch(torch.tensor([2, 0]))
    assert (21, 19) == tuple(ids)
    np.testing.assert_array_equal(IMAGES[[21, 19]].astype(np.float32) / 255, images)


LAYOUTS = {
    "bytes, channels last": IMAGES.transpose(0, 2, 3, 1),
    "Fortran's order": np.asfortranarray(IMAGES),
    "float64": IMAGES / 255,
    "float32, channels last": (IMAGES.transpose(0, 2, 3, 1) / 255).astype(np.float32),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_layouts_and_types_become_the_same_bytes(tmp_path: Path, layout: str) -> None:
    plain = load_data(save(tmp_path / "plain.npy", IMAGES))
    other = load_data(save(tmp_path / "other.npy", LAYOUTS[layout]))
    assert plain.fingerprint == other.fingerprint
    assert any("turned into bytes in a temporary file" in remark for remark in other.remarks)


def test_grey_images_without_channels(tmp_path: Path) -> None:
    data = load_data(save(tmp_path / "a.npy", IMAGES[:, 0]))
    assert np.array_equal(IMAGES[:19, :1], data.train.images)
    assert 1 == len(data.remarks)


def test_more_images_than_are_turned_into_bytes_at_once(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random((2500, 4, 4), np.float32)
    images, _ = map_images(save(tmp_path / "a.npy", values))
    np.testing.assert_array_equal((values * 255).round().astype(np.uint8)[:, None], images)


def test_an_array_larger_than_memory_is_not_read(tmp_path: Path) -> None:
    """An array of 1 TiB, nearly all of it a hole in the file."""
    number, shape = 2**24, (1, 256, 256)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (number, *shape)})
    begun, one = header.tell(), 256 * 256
    with (tmp_path / "a.npy").open("wb") as file:
        file.write(header.getvalue())
        try:
            file.truncate(begun + number * one)
        except OSError:
            pytest.skip("files here cannot have 1 TiB with holes")
        for place in (5, number - 1):
            file.seek(begun + place * one)
            file.write(bytes([place % 251]) * one)
    data = load_data(tmp_path / "a.npy")
    assert (number - 10_000, 10_000, shape) == (len(data.train), len(data.test), data.image_shape)
    images, ids = data.train.batch(torch.tensor([5, 0]))
    assert ([5, 0], [5, 0]) == ((255 * images[:, 0, 100, 100]).round().tolist(), ids)
    last, ids = data.test.batch(slice(9_999, None))
    assert ([number - 1], (number - 1) % 251) == (ids, round(255 * float(last[0, 0, 100, 100])))


def test_a_space_is_trained_and_checked_on_an_array(tmp_path: Path) -> None:
    file = save(tmp_path / "a.npy", (IMAGES[:, :1] > 128).astype(np.uint8) * 255)
    settings = aa.TrainSettings(data=str(file), width=2, dim=2, epochs=1)
    run = train_run(tmp_path / "run", settings, aa.load_catalog(aa.Settings()))
    again = aa.Run.load(tmp_path / "run", aa.load_catalog(aa.Settings()))
    assert run.data["fingerprint"] == load_data(file).fingerprint
    assert 4 == again.check(max_length=1).images


def damaged(kind: str) -> bytes:
    buffer = io.BytesIO()
    values = {
        "objects": np.array([None] * 20, object),
        "numbers": np.arange(20),
        "many dimensions": np.zeros((20, 1, 1, 4, 4), np.uint8),
        "one number": np.array(1.0),
        "none": np.zeros((0, 3, 4, 4), np.uint8),
        "whole numbers": np.zeros((20, 4, 4), np.int64),
        "two channels": np.zeros((20, 2, 4, 4), np.uint8),
        "few": IMAGES[:9],
        "nan": np.full((20, 4, 4), np.nan),
        "late": np.concatenate([np.zeros((1500, 2, 2)), np.full((1, 2, 2), 1.5)]),
    }
    np.save(buffer, values.get(kind, IMAGES), allow_pickle=True)
    content = buffer.getvalue()
    return {"cut": content[:-1], "longer": content + b"\0", "text": b"no array", "empty": b""}.get(kind, content)


@pytest.mark.parametrize(
    ("kind", "why"),
    {
        "objects": "holds Python objects, which are never unpickled",
        "numbers": "neither grey nor in three colours",
        "many dimensions": "neither grey nor in three colours",
        "one number": "neither grey nor in three colours",
        "none": r"holds no images: their shape is \(0, 3, 4, 4\)",
        "whole numbers": "must be bytes or floats",
        "two channels": r"images of shape \(20, 2, 4, 4\) are neither grey nor in three colours",
        "few": "has 9 images; at least 10 are needed",
        "nan": "NaN or infinite",
        "late": r"must lie in \[0, 1\]; here they reach from 0.0 to 1.5",
        "cut": "is damaged: its header speaks of 3312 bytes, there are 3311",
        "longer": "is damaged",
        "text": "is no .npy or damaged",
        "empty": "is no .npy or damaged",
    }.items(),
)
def test_what_cannot_be_used_gets_one_line(tmp_path: Path, kind: str, why: str) -> None:
    (tmp_path / "a.npy").write_bytes(damaged(kind))
    with pytest.raises(AugalgebraError, match=why) as caught:
        load_data(tmp_path / "a.npy")
    assert str(caught.value).startswith(str(tmp_path / "a.npy"))
    assert "\n" not in str(caught.value)


@pytest.mark.timeout(20)
def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="there is no file"):
        load_data(tmp_path / "a.npy")
    os.mkfifo(tmp_path / "a.npy")
    with pytest.raises(ImageError, match="no regular file"):
        load_data(tmp_path / "a.npy")


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = save(tmp_path / "a.npy", IMAGES / 255)
    with Path("/dev/full").open("w+b", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda: full)
        with pytest.raises(DataError, match=r"has no room for the bytes of .*a\.npy: No space left .*; set TMPDIR"):
            load_data(file)
