"""Pictures of any size, brought to squares of one size: by which rule, of which kinds, and what is refused."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from augalgebra.data import load_data
from augalgebra.errors import AugalgebraError, DataError, ImageError
from augalgebra.images import read_pictures
from augalgebra.training import TrainSettings


def smooth(height: int, width: int) -> Image.Image:
    """A picture without fine detail, another in each colour."""
    down, right = np.mgrid[:height, :width] / max(height, width)
    waves = [np.sin(3 * down + 2 * right), np.cos(4 * down - right), np.sin(5 * right)]
    return Image.fromarray((128 + 100 * np.stack(waves, 2)).astype(np.uint8))


def save_many(folder: Path, number: int = 10) -> None:
    """Photographs of different sizes, upright and oblong."""
    folder.mkdir(exist_ok=True)
    for k in range(number):
        smooth(40 + 7 * k, 200 - 5 * k).save(folder / f"{k:02}.png")


@pytest.mark.parametrize("upright", [False, True])
def test_the_middle_square_is_cut_out(tmp_path: Path, upright: bool) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 31, 3), np.uint8)  # 5 of 11 columns are before the middle
    seen = pixels.transpose(1, 0, 2) if upright else pixels
    Image.fromarray(np.ascontiguousarray(seen)).save(tmp_path / "a.png")
    read = read_pictures([tmp_path / "a.png"], square=20).pixels[0].transpose(1, 2, 0)
    middle = pixels[:, 5:25]
    assert np.array_equal(middle.transpose(1, 0, 2) if upright else middle, read)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("shape", [(512, 768), (1500, 1000), (70, 64)])
def test_the_shorter_side_is_scaled(tmp_path: Path, shape: tuple[int, int], suffix: str) -> None:
    picture = smooth(*shape)
    picture.save(tmp_path / f"a.{suffix}", **({"quality": 95} if suffix == "jpg" else {}))
    read = read_pictures([tmp_path / f"a.{suffix}"], square=32).pixels[0].astype(float)
    pixels, side = np.asarray(picture, float), min(shape)
    top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
    square = torch.from_numpy(pixels[top : top + side, left : left + side].transpose(2, 0, 1))
    means = torch.nn.functional.adaptive_avg_pool2d(square, 32).numpy()
    assert np.abs(means - read).max() < 6


def test_a_jpeg_of_any_kind_and_turned(tmp_path: Path) -> None:
    halves = np.zeros((400, 600), np.uint8)
    halves[:200] = 255  # white above
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.ascontiguousarray(np.rot90(halves))
    for mode in ("L", "RGB", "CMYK"):
        Image.fromarray(stored).convert(mode).save(tmp_path / f"{mode}.jpg", exif=exif)
    for pixels in read_pictures(sorted(tmp_path.iterdir()), square=16).pixels:
        assert pixels[:, :7].min() > 240
        assert pixels[:, 9:].max() < 15


def test_a_folder_of_many_sizes_is_a_data_set(tmp_path: Path) -> None:
    save_many(tmp_path)
    with pytest.raises(ImageError, match=r"10 sizes: .*; --size PIXELS \(size= in Python\)"):
        load_data(tmp_path)
    data = load_data(tmp_path, size=32)
    assert ((3, 32, 32), 32, 8, 2, ()) == (data.image_shape, data.size, len(data.train), len(data.test), data.remarks)
    by_settings = TrainSettings(data=str(tmp_path), size=32).load_data()
    assert data.fingerprint == by_settings.fingerprint != load_data(tmp_path, size=24).fingerprint


def test_the_number_of_threads_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_many(tmp_path, 30)
    several = load_data(tmp_path, size=16).fingerprint
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert several == load_data(tmp_path, size=16).fingerprint


def test_grey_pictures_stay_grey(tmp_path: Path) -> None:
    for k in range(10):
        smooth(40 + k, 50).convert("L").save(tmp_path / f"{k}.png")
    assert (1, 16, 16) == load_data(tmp_path, size=16).image_shape
    smooth(40, 50).save(tmp_path / "colour.png")
    assert (3, 16, 16) == load_data(tmp_path, size=16).image_shape


def test_small_pictures_are_enlarged_and_named(tmp_path: Path) -> None:
    save_many(tmp_path)
    smooth(8, 30).save(tmp_path / "small.png")
    data = load_data(tmp_path, size=32)
    assert (f"1 picture enlarged to 32×32: {tmp_path / 'small.png'}",) == data.remarks


def test_broken_pictures_are_named_or_left_out(tmp_path: Path) -> None:
    save_many(tmp_path)
    whole = load_data(tmp_path, size=16)
    smooth(900, 900).save(tmp_path / "cut.jpg")
    content = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ImageError, match=r"^2 of 12 pictures cannot be read: .*cut\.jpg .*text\.jpg"):
        load_data(tmp_path, size=16)
    data = load_data(tmp_path, size=16, skip_broken=True)
    assert whole.fingerprint == data.fingerprint
    assert ["2 of 12 pictures left out, since they cannot be read"] == [
        remark.partition(":")[0] for remark in data.remarks
    ]


@pytest.mark.parametrize("name", ["digits", "glyphs", "mnist", "some.npz"])
def test_only_folders_are_brought_to_a_size(name: str) -> None:
    with pytest.raises(DataError, match=f"^{name} is no folder of pictures"):
        load_data(name, size=16)


def test_sizes_below_one(tmp_path: Path) -> None:
    save_many(tmp_path)
    with pytest.raises(DataError, match="cannot be brought to 0 pixels"):
        load_data(tmp_path, size=0)
    with pytest.raises(AugalgebraError, match="size must be at least 1"):
        TrainSettings(size=0)
