"""Archives of arrays from anywhere: labels of every form, and whatever a stranger may have put into a file."""

import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from augalgebra.data.loading import load_data
from augalgebra.errors import DataError, ImageError
from augalgebra.runs.pictures import read_picture
from augalgebra.storage.npz import ArrayArchive

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 6, 8), np.uint8)
NUMBERS = np.arange(20) % 2
FLOATS = NUMBERS.astype(float)
CLASSES = np.array(["dog", "cat"])[NUMBERS]


def labelled(path: Path, labels: np.ndarray) -> "tuple[tuple[str, ...], list[str]]":
    """Names of the classes, and the class of each image, by brightness of its first pixel."""
    np.savez(path, images=IMAGES, labels=labels)
    data = load_data(path)
    places = {image.tobytes(): place for place, image in enumerate(IMAGES)}
    found = [""] * len(IMAGES)
    for split in (data.train, data.test):
        for image, label in zip(split.images, split.labels.tolist(), strict=True):
            found[places[image.numpy().tobytes()]] = str(data.label_name(label))
    return data.classes, found


@pytest.mark.parametrize(
    "labels",
    [CLASSES, CLASSES[:, None], CLASSES.astype("S"), CLASSES.astype("U256"), np.char.add("Größe ", CLASSES)],
    ids=["text", "column", "bytes", "wide", "unicode"],
)
def test_text_names_classes(tmp_path: Path, labels: np.ndarray) -> None:
    row = labels.reshape(-1)
    expected = [item.decode() if isinstance(item, bytes) else str(item) for item in row]
    classes, found = labelled(tmp_path / "a.npz", labels)
    assert tuple(sorted(set(expected))) == classes
    assert expected == found


@pytest.mark.parametrize(
    "labels",
    [
        NUMBERS[:, None],
        NUMBERS.astype(float),
        NUMBERS.astype(np.float16)[:, None],
        NUMBERS.astype(">i2"),
        NUMBERS.astype(bool),
        NUMBERS.astype(np.uint64),
        NUMBERS * (2**63 - 1),
        NUMBERS - 1,
        NUMBERS * -(2.0**63),
    ],
    ids=lambda labels: f"{labels.dtype}{list(labels.shape)}",
)
def test_whole_numbers_of_any_type_stay_what_they_are(tmp_path: Path, labels: np.ndarray) -> None:
    classes, found = labelled(tmp_path / "a.npz", labels)
    assert () == classes
    assert [str(int(value)) for value in labels.reshape(-1).tolist()] == found


def changed(row: int, value: object, labels: np.ndarray = FLOATS) -> np.ndarray:
    labels = labels.copy()
    labels[row] = value
    return labels


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (changed(7, np.nan), r"labels\[7\] is nan"),
        (changed(3, np.inf), r"labels\[3\] is inf"),
        (changed(4, 1.5), r"labels\[4\] is 1.5; labels are text or whole numbers"),
        (changed(5, 2.0**63), r"labels\[5\] is 9.2"),
        (changed(6, -1e300), r"labels\[6\] is -1e\+300"),
        (changed(2, 2**63, NUMBERS.astype(np.uint64)), r"labels\[2\] is 9223372036854775808"),
        (changed(9, "", CLASSES), r"labels\[9\] is empty"),
        (CLASSES.astype("U1000"), "text of <U1000; names of classes have at most 256"),
        (CLASSES[:19], r"20 images with 19 labels \(labels\); each needs exactly one"),
        (np.eye(2)[NUMBERS], r"20 × 2 labels .*save the argmax\(1\)"),
        (NUMBERS[None], "1 × 20 labels"),
        (np.int64(3), "20 images"),
        (NUMBERS.astype(complex), "labels is of the type complex128"),
        (NUMBERS.astype("M8[s]"), "labels is of the type datetime64"),
        (CLASSES.astype(object), "labels holds Python objects, which are never unpickled"),
        (np.zeros(20, [("a", int)]), "labels is of the type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_label_is_refused_with_its_row(tmp_path: Path, labels: np.ndarray, message: str) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=labels)
    with pytest.raises((DataError, ImageError), match=message) as caught:
        load_data(tmp_path / "a.npz")
    assert str(tmp_path / "a.npz") in str(caught.value)


def test_both_parts_of_a_split_share_their_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=IMAGES, y_train=CLASSES, x_test=IMAGES[:3], y_test=["dog", "emu", "dog"])
    data = load_data(tmp_path / "a.npz")
    assert (("cat", "dog", "emu"), [1, 2, 1]) == (data.classes, data.test.labels.tolist())
    np.savez(tmp_path / "a.npz", x_train=IMAGES, y_train=CLASSES, x_test=IMAGES[:3], y_test=[0, 1, 0])
    with pytest.raises(DataError, match="y_train is text, y_test is not"):
        load_data(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", x_train=IMAGES, y_train=CLASSES, x_test=IMAGES[:3])
    with pytest.raises(DataError, match="name the classes of all images"):
        load_data(tmp_path / "a.npz")


@pytest.mark.parametrize("kind", [">f4", ">f8", "f2", "f4", "f8", "g"])
def test_floats_of_any_kind_are_the_same_bytes(tmp_path: Path, kind: str) -> None:
    np.savez(tmp_path / "a.npz", images=(IMAGES / 255).astype(kind))
    np.savez(tmp_path / "b.npz", images=IMAGES)
    assert load_data(tmp_path / "b.npz").fingerprint == load_data(tmp_path / "a.npz").fingerprint
    read = read_picture(tmp_path / "a.npz", (1, 6, 8))
    np.testing.assert_allclose(IMAGES[:, None] / 255, read.numpy(), atol=1e-3 if kind == "f2" else 1e-6)


def saved(path: Path, compress: bool = True, **arrays: np.ndarray) -> None:
    (np.savez_compressed if compress else np.savez)(path, **arrays)


def with_member(path: Path, name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "a", method) as archive:
        archive.writestr(name, content)


def header(shape: str, dtype: str = "|u1", version: bytes = b"\1\0", text: str | None = None) -> bytes:
    """The beginning of an array file."""
    line = (text or f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}").encode()
    line += b" " * (-(len(line) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H" if version == b"\1\0" else "<I", len(line)) + line


def flag_encrypted(path: Path) -> None:
    patch(path, 6, 8, lambda word: word | 1)


def change_method(path: Path, method: int) -> None:
    patch(path, 8, 10, lambda _: method)


def patch(path: Path, local: int, central: int, change: Callable[[int], int]) -> None:
    """Change a 16-bit field of every entry of an archive, in both of its places."""
    content = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\3\4", local), (b"PK\1\2", central)):
        place = content.find(magic)
        while place >= 0:
            (word,) = struct.unpack_from("<H", content, place + offset)
            struct.pack_into("<H", content, place + offset, change(word))
            place = content.find(magic, place + 4)
    path.write_bytes(content)


def damaged(name: str, path: Path) -> None:
    """Make an archive with a certain fault."""
    images = io.BytesIO()
    np.save(images, IMAGES)
    member = {
        "65 dimensions": header(f"({'1, ' * 65})") + b"x",
        "sizes that overflow": header("(4294967296, 4294967296, 4294967296)"),
        "negative sizes": header("(-20, -6, 8)") + IMAGES.tobytes(),
        "more than there is": header("(20, 6, 9)") + IMAGES.tobytes(),
        "less than there is": header("(20, 6, 7)") + IMAGES.tobytes(),
        "no bytes each": header("(1000000000000000000,)", "<U0"),
        "an integer of 5,000 digits": header(f"({'9' * 5000},)"),
        "nesting": header("", text="(" * 5000),
        "nested types": header("", text="{'descr': " + "[('a', " * 300 + "'|u1'" + ")]" * 300 + ", 'shape': (1,)}"),
        "no such type": header("(1,)", "|z9"),
        "wrong keys": header("", text="{'shape': (1,)}"),
        "wrong shape": header("'20'"),
        "a header of another": header("", text="print('hello')"),
        "version 9": header("(20,)", version=b"\x09\0"),
        "a header beyond the file": b"\x93NUMPY\2\0\xff\xff\xff\xff{'descr'",
        "pickled": header("(1,)", "|O") + b"cos\nsystem\n(S'touch ran'\ntR.",
        "no array": b"hello",
        "empty": b"",
    }.get(name)
    if member is not None:
        with_member(path, "images.npy", member)
        return
    saved(path, images=IMAGES)
    if name == "encrypted":
        flag_encrypted(path)
    elif name == "method 99":
        change_method(path, 99)
    elif name == "method 9":
        change_method(path, 9)
    elif name in ("bzip2", "lzma"):
        path.unlink()
        with_member(path, "images.npy", images.getvalue(), {"bzip2": 12, "lzma": 14}[name])
    elif name == "flipped":
        content = bytearray(path.read_bytes())
        content[300] ^= 255
        path.write_bytes(content)
    elif name == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    elif name == "without suffix":
        path.unlink()
        with_member(path, "images", images.getvalue())


FAULTS = {
    "65 dimensions": "has 65 dimensions",
    "sizes that overflow": r"header speaks of 7.923e\+28 bytes, there are 0",
    "negative sizes": "is damaged",
    "more than there is": "header speaks of 1080 bytes, there are 960",
    "less than there is": "header speaks of 840 bytes, there are 960",
    "no bytes each": "is of the type <U0",
    "an integer of 5,000 digits": "is damaged",
    "nesting": "is damaged",
    "nested types": "is ",
    "no such type": "is damaged",
    "wrong keys": "is damaged",
    "wrong shape": "is damaged",
    "a header of another": "is damaged",
    "version 9": "in an unknown format",
    "a header beyond the file": "is damaged",
    "pickled": "never unpickled",
    "no array": "is damaged",
    "empty": "is damaged",
    "encrypted": "is encrypted",
    "method 99": "compressed by method 99;",
    "method 9": "compressed by method 9;",
    "bzip2": "compressed by method 12;",
    "lzma": "compressed by method 14;",
    "flipped": "is damaged",
    "cut": "is damaged or cut off",
    "without suffix": "is damaged",
}


@pytest.mark.parametrize("name", FAULTS)
def test_damaged_and_malicious_archives_get_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    damaged(name, tmp_path / "a.npz")
    for read in (load_data, lambda path: read_picture(path, (1, 6, 8))):
        with pytest.raises(ImageError, match=FAULTS[name]) as caught:
            read(tmp_path / "a.npz")
        assert str(caught.value).startswith(str(tmp_path / "a.npz"))
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500
    assert not (tmp_path / "ran").exists()


def test_members_nobody_asked_for_are_not_read(tmp_path: Path) -> None:
    saved(tmp_path / "a.npz", images=IMAGES, labels=NUMBERS)
    with_member(tmp_path / "a.npz", "notes.npy", b"no array at all")
    with_member(tmp_path / "a.npz", "x_train.npy", header("(1,)", "|O") + b"cos\nsystem\n(S'touch ran'\ntR.")
    with_member(tmp_path / "a.npz", "../outside.npy", b"")
    data = load_data(tmp_path / "a.npz")
    assert 16 == len(data.train)
    assert (f"{tmp_path / 'a.npz'} also holds notes, x_train, ../outside, which is not read",) == data.remarks
    assert ["a.npz"] == [path.name for path in tmp_path.iterdir()]


def test_every_byte_that_is_changed_gives_an_answer(tmp_path: Path) -> None:
    small = np.random.default_rng(1).integers(0, 256, (12, 3, 3), np.uint8)
    saved(tmp_path / "a.npz", images=small, labels=np.arange(12) % 2)
    content, expected = (tmp_path / "a.npz").read_bytes(), load_data(tmp_path / "a.npz")
    generator = np.random.default_rng(2)
    refused = 0
    for _ in range(400):
        mutated = bytearray(content)
        for place in generator.integers(0, len(content), generator.integers(1, 4)):
            mutated[place] = generator.integers(0, 256)
        (tmp_path / "b.npz").write_bytes(mutated[: generator.integers(1, 2 * len(content))])
        try:
            data = load_data(tmp_path / "b.npz")
        except (DataError, ImageError):
            refused += 1
        else:
            same = expected.fingerprint == data.fingerprint and torch.equal(expected.train.labels, data.train.labels)
            assert same or any("which is not read" in remark for remark in data.remarks)  # labels.npy by another name
    assert refused > 200


PEAK = """
import resource, sys
from pathlib import Path
status = Path("/proc/self/status")
if status.exists():  # where a child's own peak is never below that of who started it, by what `resource` says
    print(next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def peak_of(script: str, *arguments: object) -> tuple[int, str]:
    """Bytes at the peak of a Python process, and what it prints."""
    pytest.importorskip("resource")
    code = f"{script}\n{PEAK}"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True, timeout=120
    )
    *printed, peak = done.stdout.splitlines()
    return int(peak), "\n".join(printed)


LOAD = """
import sys
from augalgebra import AugalgebraError
from augalgebra.data.loading import load_data
try:
    print(load_data(sys.argv[1]).image_shape)
except AugalgebraError as error:
    print(error)
"""


class Repeated:
    """Compresses equal blocks once: thousands of them in a second."""

    def __init__(self) -> None:
        self._compressed: dict[bytes, bytes] = {}

    def compress(self, block: bytes) -> bytes:
        if block not in self._compressed:
            compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
            self._compressed[block] = compressor.compress(block) + compressor.flush(zlib.Z_FULL_FLUSH)
        return self._compressed[block]

    def flush(self) -> bytes:
        return zlib.compressobj(9, zlib.DEFLATED, -15).flush()


def bomb(path: Path, member: str, size: int, head: bytes = b"") -> None:
    """So many zeros, after a header."""
    zeros = bytes(1 << 20)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(member, "w", force_zip64=True) as to:
        to._compressor = Repeated()
        to.write(head)
        for _ in range(size // len(zeros)):
            to.write(zeros)


def test_bombs_do_not_go_off(tmp_path: Path) -> None:
    size = 3 * 2**30
    path = tmp_path / "images.npz"
    bomb(path, "images.npy", size, header(f"({size // 64}, 8, 8)"))
    assert path.stat().st_size < 8 * 2**20
    peak, said = peak_of(LOAD, path)
    assert "images would unpack to 3,072 MiB from a file of 3.0; if that is meant, save it with numpy.savez" in said
    assert peak < 2**30
    path = tmp_path / "other.npz"
    saved(path, images=IMAGES)
    bomb(path, "other.npy", 2**31, header(f"({2**31},)"))
    peak, said = peak_of(LOAD, path)
    assert said == "(1, 6, 8)"
    assert peak < 2**30


def test_what_is_not_compressed_may_be_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augalgebra.storage.files.ANY_SIZE", 2**16)
    for compress in (False, True):
        saved(tmp_path / "a.npz", compress, images=np.zeros((100, 64, 64), np.uint8))
        if compress:
            with pytest.raises(ImageError, match="would unpack to"):
                load_data(tmp_path / "a.npz")
        else:
            assert 80 == len(load_data(tmp_path / "a.npz").train)


@pytest.mark.timeout(20)
def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "zero.npz").symlink_to("/dev/zero")
    (tmp_path / "folder.npz").mkdir()
    for name in ("pipe.npz", "zero.npz"):
        with pytest.raises(ImageError, match="it is no regular file"):
            load_data(tmp_path / name)
    with pytest.raises(ImageError, match=r"no regular file|Is a directory"):
        read_picture(tmp_path / "folder.npz", (1, 6, 8))


def test_an_archive_knows_its_names(tmp_path: Path) -> None:
    saved(tmp_path / "a.npz", images=IMAGES, b=NUMBERS)
    with ArrayArchive(tmp_path / "a.npz") as archive:
        assert ("images", "b") == archive.names
        assert archive.read("c") is None
        assert NUMBERS.tolist() == archive.read("b").tolist()


def test_factors_stay_with_their_images(tmp_path: Path) -> None:
    light = IMAGES[:, 0, 0].astype(np.float32)
    np.savez(
        tmp_path / "a.npz", images=IMAGES, labels=NUMBERS, factor_light=light, factor_age=NUMBERS[:, None], other=light
    )
    data = load_data(tmp_path / "a.npz")
    for split in (data.train, data.test):
        assert split.factors["light"].tolist() == split.images[:, 0, 0, 0].tolist()
        assert split.factors["age"].tolist() == split.labels.tolist()
    assert data.remarks == (f"{tmp_path / 'a.npz'} also holds other, which is not read",)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (FLOATS[:-1], r"20 images with 19 values of factor_light; each needs exactly one"),
        (np.ones((20, 2)), r"20 images with 20 × 2 values of factor_light"),
        (np.where(np.arange(20) == 3, np.nan, 1.0), r"factor_light\[3\] is nan; factors are finite numbers"),
        (CLASSES, r"factor_light is of the type <U3; factors are numbers"),
    ],
    ids=["short", "columns", "nan", "text"],
)
def test_factors_that_are_no_numbers_are_refused(tmp_path: Path, values: np.ndarray, told: str) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES, factor_light=values)
    with pytest.raises(DataError, match=told):
        load_data(tmp_path / "a.npz")


@pytest.mark.parametrize("key", ["factor_", "factor_a>b", "factor_a=b,c", "factor_a b", "factor_1a", "factor_a-b"])
def test_a_factor_has_a_name_that_formulas_and_edges_can_say(tmp_path: Path, key: str) -> None:
    np.savez(tmp_path / "a.npz", **{"images": IMAGES, key: np.arange(20.0)})
    with pytest.raises(DataError, match=f"{key} is no name of a factor; write factor_NAME, where NAME has letters"):
        load_data(tmp_path / "a.npz")
