"""Files of pictures as their owners have them: turned, of every kind, damaged, large."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from saved_pictures import ORIENTATION, save, save_many

from augalgebra.checks import picture_probe
from augalgebra.data.loading import load_data
from augalgebra.errors import ImageError
from augalgebra.images import SUFFIXES, picture_files, read_pictures
from augalgebra.runs.pictures import read_picture

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10  # no symmetry

# What was seen (PIXELS) is what is stored, after this; EXIF 2.32 says where row 0 and column 0 of the stored lie.
STORED = {
    1: lambda seen: seen,
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.T,
    6: lambda seen: seen.T[::-1],
    7: lambda seen: seen.T[::-1, ::-1],
    8: lambda seen: seen.T[:, ::-1],
}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_is_turned_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    more = {"lossless": True} if suffix == ".webp" else {}
    file = save(tmp_path / f"a{suffix}", STORED[orientation](PIXELS), orientation, **more)
    read = read_pictures([file], channels=1)
    assert PIXELS.tolist() == read.pixels[0, 0].tolist()
    told = orientation > 1 and suffix != ".tif"  # those Pillow turns itself
    assert told == any("turned upright by EXIF" in remark for remark in read.remarks)


def test_a_jpeg_on_its_side_is_read_upright_everywhere(tmp_path: Path) -> None:
    tall = np.zeros((32, 24), np.uint8)
    tall[:16] = 255
    for number in range(10):
        save(tmp_path / "pictures" / f"{number}.jpg", STORED[6](tall), 6)
    data = load_data(tmp_path / "pictures")
    assert (1, 32, 24) == data.image_shape
    assert data.train.images[:, :, :12].min() > 200 > 50 > data.train.images[:, :, 20:].max()
    assert ["10 pictures turned upright by EXIF data"] == [remark.split(":")[0] for remark in data.remarks]
    assert (1, 1, 32, 24) == read_picture(tmp_path / "pictures" / "0.jpg", (1, 32, 24)).shape
    assert (10, 1, 32, 24) == picture_probe(tmp_path / "pictures").images.shape


def test_orientations_that_do_not_exist_and_damaged_exif_leave_a_picture_as_it_is(tmp_path: Path) -> None:
    for number, orientation in enumerate((0, 9, 255)):
        file = save(tmp_path / f"{number}.png", PIXELS, orientation)
        assert PIXELS.tolist() == read_pictures([file]).pixels[0, 0].tolist()
    file = tmp_path / "damaged.jpg"
    Image.fromarray(PIXELS).save(file, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\0\x03")
    assert (1, 1, 4, 6) == read_pictures([file]).pixels.shape


def kinds(folder: Path) -> None:
    """A picture of each kind that is not read as it is."""
    frames = [Image.new("L", (8, 6), value) for value in (10, 200, 90)]
    frames[0].save(folder / "pages.gif", save_all=True, append_images=frames[1:])
    frames[0].save(folder / "pages.tiff", save_all=True, append_images=frames[1:])
    Image.new("CMYK", (8, 6), (0, 255, 255, 0)).save(folder / "ink.jpg", quality=100)
    Image.new("RGBA", (8, 6), (1, 2, 3, 128)).save(folder / "clear.png")
    Image.new("RGBA", (8, 6), (1, 2, 3, 255)).save(folder / "opaque.png")
    Image.new("LA", (8, 6), (7, 0)).save(folder / "grey.png")
    palette = Image.new("P", (8, 6), 1)
    palette.putpalette([0, 0, 0, 9, 8, 7])
    palette.save(folder / "palette.png")
    palette.save(folder / "hole.png", transparency=1)
    Image.fromarray(np.full((6, 8), 0x1234, np.uint16)).save(folder / "deep.png")
    Image.fromarray(np.full((6, 8), 0x5678, ">u2")).save(folder / "big.tiff")


def test_every_kind_of_picture_is_read_and_what_is_lost_is_said(tmp_path: Path) -> None:
    kinds(tmp_path)
    read = read_pictures(picture_files(tmp_path), channels=3)
    first = {file.name: read.pixels[row, :, 0, 0].tolist() for row, file in enumerate(read.files)}
    ink = first.pop("ink.jpg")
    assert ink[0] > 250
    assert max(ink[1:]) < 5
    assert {
        "big.tiff": [0x56] * 3,
        "clear.png": [1, 2, 3],
        "deep.png": [0x12] * 3,
        "grey.png": [7] * 3,
        "hole.png": [9, 8, 7],
        "opaque.png": [1, 2, 3],
        "pages.gif": [10] * 3,
        "pages.tiff": [10] * 3,
        "palette.png": [9, 8, 7],
    } == first
    said = {remark.partition(": ")[0]: remark for remark in read.remarks}
    assert {
        "2 pictures read by the upper 8 of 16 bits": {"big.tiff", "deep.png"},
        "3 pictures read without transparency": {"clear.png", "grey.png", "hole.png"},
        "2 pictures read by the first page only": {"pages.gif", "pages.tiff"},
        "1 picture converted from CMYK to RGB": {"ink.jpg"},
    } == {what: {Path(name).name for name in remark.partition(": ")[2].split(", ")} for what, remark in said.items()}


@pytest.mark.parametrize(
    ("name", "content", "first", "said"),
    [
        ("deep.pgm", b"P5\n4 2\n65535\n" + 8 * b"\x12\x34", [0x12], "1 picture read by the upper 8 of 16 bits"),
        ("twelve.pgm", b"P5\n4 2\n4095\n" + 8 * b"\x08\x00", [0x80], "1 picture read by the upper 8 of 16 bits"),
        ("deep.ppm", b"P6\n2 2\n65535\n" + 12 * b"\x80\x00", [128] * 3, "1 picture reduced from 16 bits to 8"),
        ("ten.ppm", b"P6\n2 2\n1023\n" + 12 * b"\x03\xff", [255] * 3, "1 picture reduced from 16 bits to 8"),
        ("flat.ppm", b"P6\n2 2\n255\n" + 12 * b"\x07", [7] * 3, ""),
    ],
)
def test_more_than_eight_bits_are_reduced_and_that_is_said(
    tmp_path: Path, name: str, content: bytes, first: list[int], said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    read = read_pictures([tmp_path / name])
    assert first == read.pixels[0, :, 0, 0].tolist()
    assert [said] * bool(said) == [remark.partition(": ")[0] for remark in read.remarks]


def test_floats_in_a_portable_map_are_refused_whatever_its_name_says(tmp_path: Path) -> None:
    (tmp_path / "floats.pgm").write_bytes(b"Pf\n4 2\n-1.0\n" + np.full(8, 0.5, "<f4").tobytes())
    with pytest.raises(ImageError, match="it has 32 bits a pixel, and nothing says which is white"):
        read_pictures([tmp_path / "floats.pgm"])


def test_colours_of_sixteen_bits_are_reduced_and_that_is_said(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    for name in ("deep.png", "deep.tif"):
        cv2.imwrite(str(tmp_path / name), np.full((4, 4, 3), 0x1234, np.uint16))
    read = read_pictures(picture_files(tmp_path))
    assert (read.pixels == 0x12).all()
    assert read.remarks[0].startswith("2 pictures reduced from 16 bits to 8: ")


def test_many_blank_pictures_are_a_bomb_and_few_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        Image.new("L", (1000, 1000)).save(tmp_path / f"{number}.png")
    assert (3, 1, 1000, 1000) == read_pictures(picture_files(tmp_path)).pixels.shape
    monkeypatch.setattr("augalgebra.storage.files.ANY_SIZE", 2_500_000)
    with pytest.raises(ImageError, match=r"3 pictures up to .*2\.png take 3 MiB, \d+ times what they take on disk"):
        read_pictures(picture_files(tmp_path))
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000), np.uint8)
    for number in range(3):
        Image.fromarray(noise).save(tmp_path / f"{number}.png")
    assert (3, 1, 1000, 1000) == read_pictures(picture_files(tmp_path)).pixels.shape


def test_colour_and_grey_together_are_in_colour(tmp_path: Path) -> None:
    save(tmp_path / "a.png", PIXELS)
    save(tmp_path / "b.png", np.stack([PIXELS, PIXELS // 2, PIXELS // 3], axis=2))
    read = read_pictures(picture_files(tmp_path)).pixels
    assert np.array_equal(read[0], np.stack([PIXELS] * 3))
    assert np.array_equal(read[1], np.stack([PIXELS, PIXELS // 2, PIXELS // 3]))


def test_only_endings_of_pictures_count(tmp_path: Path) -> None:
    save_many(tmp_path, 10, suffix=".PNG")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    save_many(tmp_path / "folder.png", 10, 10)
    assert 20 == len(picture_files(tmp_path, subfolders=True))
    assert 10 == len(picture_files(tmp_path))
    assert ".png" in SUFFIXES


def every_format() -> dict[str, bytes]:
    """A small picture in each format that is read, with EXIF data where it can have any."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    ways: dict[str, dict[str, object]] = {
        "png": {"exif": exif},
        "jpeg": {"exif": exif},
        "webp": {"exif": exif},
        "tiff": {"exif": exif, "compression": "tiff_lzw"},
        "gif": {"save_all": True, "append_images": [noise.rotate(90, expand=False)]},
        "bmp": {},
        "ppm": {},
    }
    found = {}
    for name, way in ways.items():
        buffer = io.BytesIO()
        noise.save(buffer, format=name, **way)
        found[name] = buffer.getvalue()
    return found


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", every_format())
def test_a_damaged_picture_of_any_format_gets_one_line_or_is_read(tmp_path: Path, name: str) -> None:
    content, file = every_format()[name], tmp_path / f"a.{name}"
    generator = np.random.default_rng(1)
    refused: list[str] = []
    for _ in range(25):
        damaged = bytearray(content)
        for place in generator.integers(0, len(content), 6):
            damaged[place] = generator.integers(0, 256)
        file.write_bytes(damaged[: generator.integers(len(content) // 2, 2 * len(content))])
        try:
            assert read_pictures([file]).pixels.size < 2**24
        except ImageError as error:
            refused.append(str(error))
    assert len(refused) >= 3
    assert [
        line for line in refused if "\n" in line or not line.startswith(f"{file} cannot be read as a picture: ")
    ] == []
