"""Photographs of any size and kind as crops: which, how many, and what becomes of those that cannot be used."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from augalgebra.data import Photographs
from augalgebra.decoding import decode_picture
from augalgebra.errors import DataError, ImageError


def save_noise(path: Path, height: int = 40, width: int = 60, seed: int = 0) -> np.ndarray:
    """A photograph in which every crop is another; returns its pixels ``[height, width, 3]``."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def save_several(folder: Path, number: int = 8) -> list[np.ndarray]:
    return [save_noise(folder / f"{k:02}.png", 40 + k, 60 + k, seed=k) for k in range(number)]


def count_decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The pictures that are decoded from now on."""
    files: list[Path] = []

    def counted(file: Path) -> tuple[Image.Image, list[str]]:
        files.append(file)
        return decode_picture(file)

    monkeypatch.setattr("augalgebra.data.photographs.decode_picture", counted)
    return files


def test_every_fourth_picture_is_measured_on(tmp_path: Path) -> None:
    save_several(tmp_path, 9)
    photographs = Photographs.open(tmp_path)
    assert ["03.png", "07.png"] == [file.name for file in photographs.test]
    assert [0, 1, 2, 4, 5, 6, 8] == [int(file.stem) for file in photographs.train]
    assert ["01.png", "03.png"] == [file.name for file in Photographs.open(tmp_path, held_out_every=2).test][:2]


def test_parts_that_the_owner_made_are_kept(tmp_path: Path) -> None:
    for part, number in (("train", 2), ("val", 1), ("test", 3)):
        save_several(tmp_path / part, number)
    photographs = Photographs.open(tmp_path)
    assert [tmp_path / "train" / "00.png", tmp_path / "train" / "01.png"] == [*photographs.train]
    assert {"test"} == {file.parent.name for file in photographs.test}
    assert any("val is left aside" in remark for remark in photographs.remarks)


def test_tiles_are_the_squares_of_a_picture_row_by_row(tmp_path: Path) -> None:
    pixels = save_several(tmp_path)[3]  # 43×63: two rows and three columns of 20, with 1 of 3 pixels left over before
    tiles = torch.stack([*Photographs.open(tmp_path).tile(20)])
    assert (12, 3, 20, 20) == tuple(tiles.shape)
    for place, (top, left) in enumerate((top, left) for top in (1, 21) for left in (1, 21, 41)):
        assert np.array_equal(pixels[top : top + 20, left : left + 20].transpose(2, 0, 1), tiles[place])


def test_a_limit_takes_tiles_of_all_pictures_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_several(tmp_path)
    photographs = Photographs.open(tmp_path)
    everything = [*photographs.tile(20, part="train")]
    some = [*photographs.tile(20, part="train", limit=6)]
    assert [3, 9, 15, 21, 27, 33] == [
        next(place for place, other in enumerate(everything) if torch.equal(tile, other)) for tile in some
    ]
    decoded = count_decoded(monkeypatch)
    assert 1 == len([*photographs.tile(20, part="train", limit=1)]) == len(decoded)
    assert 36 == len([*photographs.tile(20, part="train", limit=99)])


def test_crops_come_from_all_pictures_evenly_and_each_is_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in range(8):
        Image.new("RGB", (60 + value, 50), (value, 0, 255)).save(tmp_path / f"{value}.png")
    photographs = Photographs.open(tmp_path)
    decoded = count_decoded(monkeypatch)
    crops = torch.stack([*photographs.draw_crops(15, 32)])
    assert (15, 3, 32, 32, torch.uint8) == (*crops.shape, crops.dtype)
    assert {0: 2, 1: 2, 2: 2, 4: 2, 5: 2, 6: 2} == {
        value: min(2, count) for value, count in enumerate(torch.bincount(crops[:, 0, 0, 0].long()).tolist()) if count
    }
    assert sorted(photographs.train) == sorted(decoded)
    decoded.clear()
    assert 2 == len([*photographs.draw_crops(2, 32)]) == len(decoded)


def test_crops_depend_on_the_seed_alone(tmp_path: Path) -> None:
    save_several(tmp_path)
    photographs = Photographs.open(tmp_path)
    first, again, other = (torch.stack([*photographs.draw_crops(12, 16, seed)]) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert 12 == len({crop.numpy().tobytes() for crop in first})


def test_crops_are_made_smaller_by_up_to_two_and_never_larger(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(0, 240, 2, dtype=np.uint8), (100, 1))  # 2 shades a pixel from left to right
    for k in range(4):
        Image.fromarray(ramp).save(tmp_path / f"{k}.png")
    crops = torch.stack([*Photographs.open(tmp_path).draw_crops(200, 32)]).float()
    slopes = (crops[:, 0, 16, 24] - crops[:, 0, 16, 8]) / 32
    assert 1 <= slopes.min() < 1.1
    assert 1.9 < slopes.max() <= 2.01


def test_a_crop_of_the_size_of_the_picture_is_the_picture(tmp_path: Path) -> None:
    pixels = [save_noise(tmp_path / f"{k}.png", 32, 32, k) for k in range(2)]
    (crop,) = Photographs.open(tmp_path, held_out_every=2).draw_crops(1, 32)
    assert np.array_equal(pixels[0].transpose(2, 0, 1), crop)


def test_small_pictures_are_left_out_and_named(tmp_path: Path) -> None:
    save_several(tmp_path)
    save_noise(tmp_path / "00.png", 20, 500)
    photographs = Photographs.open(tmp_path)
    assert not photographs.remarks
    assert 10 == len([*photographs.draw_crops(10, 32)])
    (remark,) = photographs.remarks
    assert remark == f"1 of 6 pictures are smaller than 32×32 and left out: {tmp_path / '00.png'}"
    with pytest.raises(DataError, match=r"no crop of 64×64 pixels fits .*; 1 to 46 do"):
        photographs.draw_crops(1, 64)
    with pytest.raises(DataError, match="no crop of 0×0"):
        photographs.tile(0)


KINDS: dict[str, Callable[[Image.Image], tuple[Image.Image, str]]] = {
    "1": lambda picture: (picture.convert("1"), "png"),
    "L": lambda picture: (picture.convert("L"), "png"),
    "LA": lambda picture: (picture.convert("LA"), "png"),
    "P": lambda picture: (picture.quantize(4), "png"),
    "RGBA": lambda picture: (picture.convert("RGBA"), "webp"),
    "CMYK": lambda picture: (picture.convert("CMYK"), "jpg"),
    "YCbCr": lambda picture: (picture.convert("YCbCr"), "jpg"),
    "LAB": lambda picture: (Image.new("LAB", picture.size, (137, 128, 128)), "tif"),
    "I;16": lambda picture: (Image.fromarray(np.full(picture.size[::-1], 0x80FF, np.uint16)), "png"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_becomes_three_colours(tmp_path: Path, kind: str) -> None:
    grey = Image.new("RGB", (40, 30), (128, 128, 128))
    for k in range(2):
        picture, suffix = KINDS[kind](grey)
        picture.save(tmp_path / f"{k}.{suffix}")
    photographs = Photographs.open(tmp_path, held_out_every=2)
    crops = torch.stack([*photographs.draw_crops(2, 16), *photographs.tile(30)][:2])
    assert (2, 3, 16, 16) == tuple(crops.shape)
    assert kind == "1" or (crops.float() - 128).abs().max() < 5


def test_pictures_are_cropped_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the stored picture is turned by 90° clockwise to be seen
    seen = np.random.default_rng(0).integers(0, 256, (60, 40, 3), np.uint8)
    for k in range(2):
        Image.fromarray(np.ascontiguousarray(np.rot90(seen))).save(tmp_path / f"{k}.png", exif=exif)
    photographs = Photographs.open(tmp_path, held_out_every=2)
    tiles = [*photographs.tile(20)]
    assert np.array_equal(seen[:20, 20:40].transpose(2, 0, 1), tiles[1])
    assert np.array_equal(seen[20:40, :20].transpose(2, 0, 1), tiles[2])
    assert (f"1 picture turned upright by EXIF data: {tmp_path / '1.png'}",) == photographs.remarks


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-2000])


def test_pictures_whose_first_bytes_are_broken_are_named_together(tmp_path: Path) -> None:
    save_several(tmp_path)
    for name in ("01.png", "06.png"):
        (tmp_path / name).write_text("no picture")
    with pytest.raises(ImageError, match=r"^2 of 8 pictures cannot be read: .*01\.png.*06\.png.*--skip-broken\)$"):
        Photographs.open(tmp_path)
    photographs = Photographs.open(tmp_path, skip_broken=True)
    assert ["00", "02", "03", "05", "07"] == [file.stem for file in photographs.train]
    (remark,) = photographs.remarks
    assert remark.startswith("2 of 8 pictures left out, since they cannot be read: ")


def test_a_picture_that_ends_too_early_is_named_or_replaced_by_others(tmp_path: Path) -> None:
    save_several(tmp_path)
    for name in ("00.png", "03.png"):
        cut_short(tmp_path / name)
    careful = Photographs.open(tmp_path)
    with pytest.raises(ImageError, match=r"^1 of 8 pictures cannot be read: .*00\.png \(.*--skip-broken\)$"):
        [*careful.draw_crops(12, 16)]
    with pytest.raises(ImageError, match=r"03\.png \("):
        [*careful.tile(16)]
    photographs = Photographs.open(tmp_path, skip_broken=True)
    for seed in range(6):  # the broken one stands anywhere in the random order, also at its end
        assert 12 == len([*photographs.draw_crops(12, 16, seed)])
    assert [6, 1] == [len([*photographs.tile(20, limit=limit)]) for limit in (None, 1)]
    (remark,) = photographs.remarks
    assert (
        remark == f"2 of 8 pictures left out, since they cannot be read: {tmp_path / '00.png'}, {tmp_path / '03.png'}"
    )


def test_nothing_but_broken_pictures_is_refused_all_the_same(tmp_path: Path) -> None:
    save_several(tmp_path)
    photographs = Photographs.open(tmp_path, skip_broken=True)
    for file in tmp_path.iterdir():
        cut_short(file)
    with pytest.raises(ImageError, match="6 of 8 pictures cannot be read"):
        [*photographs.draw_crops(12, 16)]
    with pytest.raises(ImageError, match="8 of 8 pictures cannot be read"):
        [*photographs.tile(16)]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_too_few_pictures_for_two_parts(tmp_path: Path, number: int) -> None:
    save_several(tmp_path, number)
    with pytest.raises(DataError, match=r"no pictures|every 4th of . is measured on"):
        Photographs.open(tmp_path)


def test_the_fingerprint_is_of_names_and_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_several(tmp_path / name)
    one, two = (Photographs.open(tmp_path / name).fingerprint for name in ("one", "two"))
    assert one == two
    content = (tmp_path / "two" / "00.png").read_bytes()
    (tmp_path / "two" / "00.png").write_bytes(content + b"\0")
    assert one != Photographs.open(tmp_path / "two").fingerprint
    (tmp_path / "two" / "00.png").write_bytes(content)
    (tmp_path / "two" / "00.png").rename(tmp_path / "two" / "000.png")
    assert one != Photographs.open(tmp_path / "two").fingerprint


KODAK = Path(os.environ.get("AUGALG_DATA", "")) / "kodak"


@pytest.mark.skipif(not KODAK.is_dir(), reason="the Kodak photographs are not in AUGALG_DATA")
def test_the_kodak_photographs() -> None:
    photographs = Photographs.open(KODAK)
    assert (14, 4) == (len(photographs.train), len(photographs.test))
    assert 24 == len([*photographs.tile(256)])
    assert (5, 3, 256, 256) == tuple(torch.stack([*photographs.draw_crops(5, 256)]).shape)
