"""Folders of pictures as their owners have them: linked, hidden, split, damaged."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from saved_pictures import save, save_many

from augalgebra.checks import picture_probe
from augalgebra.data.loading import load_data
from augalgebra.errors import DataError, ImageError
from augalgebra.runs.pictures import read_picture


def values(split) -> list[int]:
    """The brightness that tells the pictures of `save_many` apart."""
    return split.images[:, 0, 0, 0].tolist()


def test_links_to_class_folders_are_followed(tmp_path: Path) -> None:
    save_many(tmp_path / "elsewhere" / "cats", 10)
    save_many(tmp_path / "set" / "dog", 10, 10)
    (tmp_path / "set" / "cat").symlink_to(tmp_path / "elsewhere" / "cats")
    save(tmp_path / "one.png", np.full((6, 8), 99, np.uint8))
    (tmp_path / "set" / "dog" / "linked.png").symlink_to(tmp_path / "one.png")
    data = load_data(tmp_path / "set")
    assert ("cat", "dog") == data.classes
    assert [*range(4), *range(5, 9)] == [value for value in values(data.train) if value < 10]
    assert sorted([*range(20), 99]) == sorted(values(data.train) + values(data.test))


@pytest.mark.timeout(20)
def test_links_in_a_circle_end(tmp_path: Path) -> None:
    save_many(tmp_path / "set" / "cat", 10)
    (tmp_path / "set" / "cat" / "up").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "self").symlink_to("self")
    (tmp_path / "set" / "cat" / "here").symlink_to(".")
    (tmp_path / "other").symlink_to(tmp_path / "set")
    for name in ("set", "other"):
        assert (8, 2) == tuple(map(len, (load_data(tmp_path / name).train, load_data(tmp_path / name).test)))


@pytest.mark.timeout(60)
def test_links_that_multiply_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augalgebra.images._MOST_FOLDERS", 500)
    for number in range(30):
        (tmp_path / str(number)).mkdir()
        for name in "ab":
            (tmp_path / str(number) / name).symlink_to(tmp_path / str(number + 1))
    save_many(tmp_path / "30", 1)
    with pytest.raises(DataError, match="more than 500 folders"):
        load_data(tmp_path / "0")


def test_hidden_files_and_folders_are_left_alone(tmp_path: Path) -> None:
    save_many(tmp_path / "cat", 10)
    save_many(tmp_path / ".thumbnails", 10)
    save_many(tmp_path / "cat" / ".cache", 3)
    (tmp_path / "cat" / "._000.png").write_bytes(b"\0\5\26\7 of macOS")
    save_many(tmp_path / "__MACOSX" / "cat", 0)
    data = load_data(tmp_path)
    assert (10, ("cat",)) == (len(data.train) + len(data.test), data.classes)


def test_classes_keep_their_names_though_they_sort_as_text(tmp_path: Path) -> None:
    for number in (0, 1, 2, 10):
        save_many(tmp_path / str(number), 5, 5 * number)
    data = load_data(tmp_path)
    assert ("0", "1", "10", "2") == data.classes
    pairs = zip(data.test.labels.tolist(), values(data.test), strict=True)
    named = {data.label_name(label): value // 5 for label, value in pairs}
    assert {"0": 0, "1": 1, "2": 2, "10": 10} == named


def test_pictures_beside_classes_and_classes_in_classes_have_names(tmp_path: Path) -> None:
    save_many(tmp_path, 5)
    save_many(tmp_path / "a" / "x", 5, 5)
    save_many(tmp_path / "a" / "y", 5, 10)
    assert (".", "a/x", "a/y") == load_data(tmp_path).classes


@pytest.mark.parametrize("other", ["test", "val", "valid", "validation"])
def test_train_and_another_part_are_the_split(tmp_path: Path, other: str) -> None:
    for part, first in (("train", 0), (other, 100)):
        save_many(tmp_path / part / "cat", 3, first)
        save_many(tmp_path / part / "dog", 2, first + 10)
    data = load_data(tmp_path)
    assert ([0, 1, 2, 10, 11], [100, 101, 102, 110, 111]) == (values(data.train), values(data.test))
    assert (("cat", "dog"), [0, 0, 0, 1, 1], [0, 0, 0, 1, 1]) == (
        data.classes,
        data.train.labels.tolist(),
        data.test.labels.tolist(),
    )
    assert 5 == data.test.first
    said = [f"{tmp_path / other} is measured on, as there is no {tmp_path / 'test'}"]
    assert list(data.remarks) == ([] if other == "test" else said)


def test_validation_is_left_aside_beside_test_and_said(tmp_path: Path) -> None:
    for number, part in enumerate(("train", "val", "test")):
        save_many(tmp_path / part, 4, 10 * number)
    (tmp_path / "val" / "broken.png").write_bytes(b"not read")
    data = load_data(tmp_path)
    assert ([0, 1, 2, 3], [20, 21, 22, 23], ()) == (values(data.train), values(data.test), data.classes)
    assert f"{tmp_path / 'val'} is left aside: train is learned from, test is measured on" in data.remarks


def test_a_class_that_only_the_test_part_has_is_told(tmp_path: Path) -> None:
    save_many(tmp_path / "train" / "dog", 4)
    save_many(tmp_path / "test" / "dogs", 4)
    data = load_data(tmp_path)
    assert (("dog", "dogs"), [1] * 4) == (data.classes, data.test.labels.tolist())
    assert any("has classes that" in remark and remark.endswith(": dogs") for remark in data.remarks)


@pytest.mark.parametrize("tops", [("train", "plane"), ("train",), ("test", "val"), ("train", "test", "plane")])
def test_a_folder_called_train_is_a_class_among_other_classes(tmp_path: Path, tops: tuple[str, ...]) -> None:
    for number, top in enumerate(tops):
        save_many(tmp_path / top, 10, 10 * number)
    data = load_data(tmp_path)
    assert tuple(sorted(tops)) == data.classes
    assert 2 * len(tops) == len(data.test)


def test_parts_of_different_sizes_and_colours(tmp_path: Path) -> None:
    save_many(tmp_path / "train", 3)
    save(tmp_path / "test" / "a.png", np.zeros((6, 8, 3), np.uint8))
    assert (3, 6, 8) == load_data(tmp_path).image_shape
    save(tmp_path / "test" / "b.png", np.zeros((7, 8, 3), np.uint8))
    with pytest.raises(ImageError, match="2 sizes"):
        load_data(tmp_path)


def broken_pictures(folder: Path) -> list[str]:
    """One of each kind of what cannot be read."""
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8), np.uint8)).save(whole, "png")
    (folder / "b_cut.png").write_bytes(whole.getvalue()[:70])
    (folder / "c_text.jpg").write_text("no picture")
    (folder / "d_empty.png").touch()
    (folder / "e_nowhere.png").symlink_to(folder / "gone")
    (folder / "f_self.png").symlink_to("f_self.png")
    os.mkfifo(folder / "g_pipe.png")
    (folder / "h_device.png").symlink_to("/dev/zero")
    bomb = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(bomb, "png")
    (folder / "i_bomb.png").write_bytes(bomb.getvalue())
    head = b"IHDR" + struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    (folder / "j_huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + whole.getvalue()[33:])
    Image.fromarray(np.zeros((6, 8), np.float32)).save(folder / "k_float.tiff")
    (folder / "l_script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\nshowpage\n")
    return sorted(path.name for path in folder.iterdir() if path.name[1] == "_")


@pytest.mark.timeout(60)
def test_all_broken_pictures_are_named_together(tmp_path: Path) -> None:
    save_many(tmp_path, 10)
    broken = broken_pictures(tmp_path)
    with pytest.raises(ImageError) as caught:
        load_data(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{len(broken)} of {len(broken) + 10} pictures cannot be read: ")
    assert "\n" not in message
    assert [name for name in broken if f"{tmp_path / name} (" not in message] == []
    assert message.endswith("--skip-broken)")


@pytest.mark.timeout(60)
def test_broken_pictures_can_be_left_out(tmp_path: Path) -> None:
    save_many(tmp_path, 10)
    whole = load_data(tmp_path)
    broken = broken_pictures(tmp_path)
    data = load_data(tmp_path, skip_broken=True)
    assert whole.fingerprint == data.fingerprint
    (remark,) = data.remarks
    assert remark.startswith(f"{len(broken)} of {len(broken) + 10} pictures left out, since they cannot be read: ")
    probe = picture_probe(tmp_path, limit=None, skip_broken=True)
    assert 10 == len(probe.images)


def test_nothing_but_broken_pictures_is_refused_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(ImageError, match="cannot be read"):
        load_data(tmp_path, skip_broken=True)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["pipe.png", "pipe.npz"])
def test_a_pipe_among_the_pictures_to_apply_does_not_hang(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(ImageError, match="no regular file"):
        read_picture(tmp_path / name, (1, 6, 8))


def test_fingerprints_of_ordinary_folders_are_those_of_earlier_releases(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for number in range(20):
        save(tmp_path / "ab"[number % 2] / f"{number:02}.png", generator.integers(0, 256, (5, 7), np.uint8))
    data = load_data(tmp_path)
    assert "ac5e9429838eff99ea7d9391e44cdc7b3ada5b9861c6711826ed733ac49cfc6f" == data.fingerprint
    assert [0] * 8 + [1] * 8 == data.train.labels.tolist()


@pytest.mark.parametrize("name", ["digits", "glyphs", "mnist"])
def test_a_folder_with_the_name_of_a_data_set_is_asked_for_as_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    save_many(tmp_path / name, 10)
    for asked in (f"./{name}", Path(name), str(tmp_path / name), f"{name}/"):
        data = load_data(asked)
        assert ((1, 6, 8), ()) == (data.image_shape, data.remarks)
        assert data.name != name
    if name == "digits":
        (remark,) = load_data(name).remarks
        assert remark == (
            "'digits' is the data set of that name, not the folder digits that lies here; for that write ./digits"
        )
        assert load_data("digits").fingerprint == load_data("digits", tmp_path).fingerprint


@pytest.mark.parametrize("name", ["a" * 300, "nul\0", "", "no/such", "x.npx"])
def test_names_of_nothing_are_answered_in_one_line(name: str) -> None:
    with pytest.raises(DataError, match="unknown data set") as caught:
        load_data(name)
    assert len(str(caught.value)) < 400


def test_a_part_of_a_data_set_keeps_all_its_classes(tmp_path: Path) -> None:
    save_many(tmp_path / "cat", 10)
    save_many(tmp_path / "dog", 10, 10)
    assert ("cat", "dog") == load_data(tmp_path).part(3).classes
    assert load_data(tmp_path).part(3).train.labels.tolist() == [0, 0, 1]  # of files in the order of their names
