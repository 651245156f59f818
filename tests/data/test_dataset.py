import gzip
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from augalgebra.data.idx import read_idx
from augalgebra.data.loading import load_data
from augalgebra.errors import DataError, ImageError
from augalgebra.images import read_pictures

needs_mnist = pytest.mark.skipif(
    not os.environ.get("AUGALG_DATA"), reason="MNIST is not part of this project; set AUGALG_DATA to its folder"
)


def idx(values: np.ndarray, *, kind: int = 8) -> bytes:
    return struct.pack(f">4B{values.ndim}I", 0, 0, kind, values.ndim, *values.shape) + values.tobytes()


VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_idx_files_are_read_gzipped_or_not(tmp_path: Path, compress) -> None:
    path = tmp_path / "file"
    path.write_bytes(compress(idx(VALUES)))
    read = read_idx(path)
    assert VALUES.tolist() == read.tolist()


def test_the_checksum_is_of_the_decompressed_bytes(tmp_path: Path) -> None:
    import hashlib

    digest = hashlib.md5(idx(VALUES)).hexdigest()
    for level in (1, 9):
        (tmp_path / "file.gz").write_bytes(gzip.compress(idx(VALUES), level))
        assert VALUES.tolist() == read_idx(tmp_path / "file.gz", md5=digest).tolist()
    (tmp_path / "other").write_bytes(idx(VALUES + 1))
    with pytest.raises(DataError, match="damaged or another file"):
        read_idx(tmp_path / "other", md5=digest)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx(VALUES)[:-1], "truncated: 39 bytes, but its header speaks of 40"),
        (idx(VALUES) + b"x", "too long"),
        (idx(VALUES)[:10], "not an IDX file"),
        (idx(VALUES)[:3], "not an IDX file"),
        (b"", "begins with nothing"),
        (b"\x00\x00\x08\x00", "not an IDX file"),
        (idx(VALUES, kind=0x0D), "not an IDX file of bytes"),
        (b"\x89PNG, not this", "not an IDX file"),
        (gzip.compress(idx(VALUES), mtime=0)[:-12], "truncated or damaged"),
        (gzip.compress(idx(VALUES), mtime=0)[:20] + b"rubbish" * 4, "truncated or damaged"),
        (gzip.compress(b"hello", mtime=0), "not an IDX file"),
        (gzip.compress(idx(VALUES), mtime=0) + b"more", "truncated or damaged"),
        (gzip.compress(idx(VALUES), mtime=0)[:-8] + bytes(8), "CRC check failed"),
        (struct.pack(">4B9I", 0, 0, 8, 9, *[1] * 9) + b"x", "not an IDX file"),
        (struct.pack(">4B255I", 0, 0, 8, 255, *[2] * 255), "not an IDX file"),
        (struct.pack(">4B4I", 0, 0, 8, 4, *[2**32 - 1] * 4), r"speaks of 3.403e\+38 values in a file of 20 bytes"),
        (gzip.compress(struct.pack(">4B1I", 0, 0, 8, 1, 3 * 2**30), mtime=0), "speaks of 3.221e"),
        (gzip.compress(struct.pack(">4B1I", 0, 0, 8, 1, 8) + bytes(2**20), mtime=0), "too long"),
    ],
)
def test_whatever_is_no_whole_idx_file_gives_one_clear_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_bomb_of_an_idx_file_does_not_go_off(tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tmp_path / "train-images-idx3-ubyte.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(struct.pack(">4B3I", 0, 0, 8, 3, 60_000, 28, 28))
        for _ in range(2**11):
            file.write(bytes(2**20))
    script = (
        "import resource, sys\n"
        "from augalgebra.errors import DataError\n"
        "from augalgebra.data.idx import read_idx\n"
        "from pathlib import Path\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for shape in (None, (60_000, 28, 28)):\n"
        "    try:\n"
        "        read_idx(Path(sys.argv[1]), shape=shape)\n"
        "    except DataError as error:\n"
        "        print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True, timeout=60)
    first, second, grown = done.stdout.splitlines()
    assert "too long: its header speaks of 47040016 bytes" in first
    assert first == second
    assert int(grown) * (1 if sys.platform == "darwin" else 1024) < 200 * 2**20


@pytest.mark.timeout(20)
def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train-images-idx3-ubyte")
    with pytest.raises(DataError, match="train-images-idx3-ubyte: it is no regular file"):
        read_idx(tmp_path / "train-images-idx3-ubyte")
    with pytest.raises(DataError, match="train-images-idx3-ubyte: it is no regular file"):
        load_data("mnist", tmp_path)


def test_a_missing_idx_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        read_idx(tmp_path / "file")


def test_digits_are_always_there_and_always_split_alike() -> None:
    first, second = load_data(), load_data("digits")
    assert (1, 28, 28) == first.image_shape
    assert torch.uint8 == first.train.images.dtype
    assert 1797 == len(first.train) + len(first.test)
    assert len(first.train) == first.test.first
    counts = first.test.labels.bincount()
    assert (10, 34, 36) == (len(counts), int(counts.min()), int(counts.max()))
    assert first.fingerprint == second.fingerprint
    assert 255 == int(first.train.images.max())


def test_digits_look_like_the_small_ones() -> None:
    from sklearn.datasets import load_digits

    small = load_digits()
    image = load_data().train.images[0, 0].float() / 255  # the first image of class 0 comes first in both
    shrunk = torch.nn.functional.interpolate(image[None, None, 4:-4, 4:-4], (8, 8), mode="area")[0, 0]
    alike, mirrored = (
        np.corrcoef(shrunk.flatten(), other.flatten())[0, 1] for other in (small.images[0], small.images[0][:, ::-1])
    )
    assert alike > 0.95 > mirrored


def test_batches_are_floats_with_their_numbers() -> None:
    data = load_data()
    images, numbers = data.test.batch(torch.tensor([2, 0]))
    assert torch.equal(images, data.test.images[[2, 0]].float() / 255)
    assert [data.test.first + 2, data.test.first] == numbers
    assert data.train.batch(slice(3, 5))[1] == [3, 4]


def test_a_sample_is_the_beginning_unless_somebody_sorted_the_images() -> None:
    digits = load_data().test
    assert torch.equal(digits.sample(20).images, digits.images[:20])
    ordered = digits.select(digits.labels.argsort(stable=True))
    few = ordered.sample(20)
    assert {1, 2, 3} >= set(few.labels.bincount(minlength=10).tolist())
    for image, number in zip(few.images, few.batch(slice(None))[1], strict=True):
        assert torch.equal(image, digits.images[number - digits.first])
    assert few.part(5, 9).batch(slice(None))[1] == few.batch(slice(5, 9))[1]
    assert len(ordered.sample(None)) == len(ordered.sample(1000)) == len(digits)


@pytest.mark.parametrize("number", [0, -3])
def test_a_sample_of_no_image_is_refused(number: int) -> None:
    with pytest.raises(DataError, match=f"at least one image is needed, not {number}"):
        load_data("digits").test.sample(number)


def test_a_sample_of_images_by_a_factor_that_grows_reaches_to_its_end() -> None:
    digits = load_data().test
    ages = replace(digits, labels=torch.zeros_like(digits.labels), factors={"age": torch.arange(len(digits)).float()})
    assert float(ages.sample(10).factors["age"].max()) > 0.85 * len(digits)
    still = replace(ages, factors={"age": torch.ones(len(digits))})
    assert torch.equal(still.sample(10).images, digits.images[:10])


def test_unknown_names_are_answered_with_known_ones() -> None:
    with pytest.raises(
        DataError,
        match=r"unknown data set 'digit'; did you mean digits\? Known are digits, mnist, fashion-mnist, kmnist, ci",
    ):
        load_data("digit")
    for asked, known in [("cifar-10", "cifar10"), ("fashion", "fashion-mnist"), ("KMNIST", "kmnist")]:
        with pytest.raises(DataError, match=rf"did you mean {known}\?"):
            load_data(asked)


def test_a_foreign_file_under_the_name_of_mnist_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(VALUES))
    with pytest.raises(DataError, match="is another file: it holds 2×3×4 values, not 60000×28×28"):
        load_data("mnist", tmp_path)


@needs_mnist
def test_mnist_is_read() -> None:
    data = load_data("mnist")
    assert (60_000, 10_000, (1, 28, 28)) == (len(data.train), len(data.test), data.image_shape)
    assert [5, 0, 4] == data.train.labels[:3].tolist()
    assert [7, 2, 1] == data.test.labels[:3].tolist()


def save_pictures(folder: Path, count: int, size: tuple[int, int] = (8, 6), mode: str = "L") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new(mode, size, number if mode == "L" else (number, 0, 255)).save(folder / f"{number:02}.png")


def test_a_folder_of_grey_pictures(tmp_path: Path) -> None:
    save_pictures(tmp_path / "pictures", 10)
    (tmp_path / "pictures" / "notes.txt").write_text("not a picture")
    data = load_data(tmp_path / "pictures")
    assert (8, 2, (1, 6, 8)) == (len(data.train), len(data.test), data.image_shape)
    assert [4, 9] == data.test.images[:, 0, 0, 0].tolist()


def test_subfolders_are_classes_and_colour_is_kept(tmp_path: Path) -> None:
    save_pictures(tmp_path / "a", 5, mode="RGB")
    save_pictures(tmp_path / "b", 10)
    data = load_data(tmp_path)
    assert (3, 6, 8) == data.image_shape
    assert [0] * 4 + [1] * 8 == data.train.labels.tolist()
    assert [0, 1, 1] == data.test.labels.tolist()
    assert [3, 0, 255] == data.train.images[3, :, 0, 0].tolist()
    assert [3, 3, 3] == data.train.images[7, :, 0, 0].tolist()


def test_what_is_wrong_with_a_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no picture"):
        load_data(tmp_path)
    save_pictures(tmp_path, 3)
    with pytest.raises(DataError, match="3 images; at least 10"):
        load_data(tmp_path)
    Image.new("L", (9, 9)).save(tmp_path / "large.png")
    with pytest.raises(
        ImageError, match=r"2 sizes: 6×8 \(3, such as .*00.png\), 9×9 \(1, such as .*large.png\); --size PIXELS"
    ):
        load_data(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    with pytest.raises(ImageError, match=r"1 of 5 pictures cannot be read: .*broken.png \(it is none of the kinds"):
        load_data(tmp_path)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((20, 4, 5), (1, 4, 5)), ((20, 4, 5, 3), (3, 4, 5)), ((20, 3, 4, 5), (3, 4, 5)), ((20, 1, 4, 5), (1, 4, 5))],
)
def test_npz_files_of_all_layouts(tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.savez(tmp_path / "bytes.npz", images=pixels)
    np.savez(tmp_path / "floats.npz", images=pixels / 255, labels=np.arange(20) % 2)
    data, floats = load_data(tmp_path / "bytes.npz"), load_data(tmp_path / "floats.npz")
    assert expected == data.image_shape
    assert (16, 4) == (len(data.train), len(data.test))
    everything = torch.cat([floats.train.images, floats.test.images]).sum()
    assert int(pixels.sum()) == int(everything)
    assert [0, 1] == sorted(floats.test.labels.unique().tolist())


def test_npz_files_may_bring_their_own_split(tmp_path: Path) -> None:
    pixels = np.zeros((6, 4, 4), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=pixels, y_train=np.arange(6), x_test=pixels[:2])
    data = load_data(str(tmp_path / "a.npz"))
    assert (6, 2) == (len(data.train), len(data.test))
    assert list(range(6)) == data.train.labels.tolist()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": np.zeros((20, 4, 4), np.uint8)}, "holds pictures; it must hold images"),
        ({"images": np.zeros((20, 4), np.uint8)}, "neither grey nor in three colours"),
        ({"images": np.zeros((20, 4, 4, 2), np.uint8)}, "neither grey nor in three colours"),
        ({"images": np.full((20, 4, 4), np.nan)}, r"must lie in \[0, 1\]"),
        ({"images": np.full((20, 4, 4), 2.0)}, r"must lie in \[0, 1\]"),
        ({"images": np.zeros((20, 4, 4), np.int32)}, "bytes or floats"),
        ({"images": np.zeros((20, 4, 4), np.uint8), "labels": np.zeros(3)}, "20 images with 3 labels"),
        ({"x_train": np.zeros((2, 4, 4), np.uint8), "x_test": np.zeros((2, 5, 4), np.uint8)}, "not of one size"),
        ({"images": np.zeros((0, 4, 4), np.uint8)}, "holds no images"),
        ({"images": np.array([object()], dtype=object)}, "images holds Python objects, which are never unpickled"),
    ],
)
def test_what_is_wrong_with_an_npz_is_said(tmp_path: Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises((DataError, ImageError), match=message):
        load_data(tmp_path / "a.npz")


def test_a_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="there is no file"):
        load_data(tmp_path / "a.npz")
    for content, why in (
        (b"PK\x03\x04rubbish", "is damaged or cut off"),
        (b"", "cannot be read"),
        (b"text", "cannot be read"),
    ):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(ImageError, match=why):
            load_data(tmp_path / "a.npz")
    with (tmp_path / "a.npz").open("wb") as file:
        np.save(file, VALUES)
    with pytest.raises(ImageError, match="one array without a name"):
        load_data(tmp_path / "a.npz")


def test_pictures_of_16_bits_keep_their_upper_8(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 255, 256, 32768, 65535]], np.uint16)).save(tmp_path / "deep.png")
    assert [0, 0, 1, 128, 255] == read_pictures([tmp_path / "deep.png"]).pixels[0, 0, 0].tolist()
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "deep.tiff")
    with pytest.raises(ImageError, match=r"deep\.tiff cannot be read as a picture: it has 32 bits a pixel"):
        read_pictures([tmp_path / "deep.tiff"])
