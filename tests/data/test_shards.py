"""WebDataset shards: what is read of them, in what order and parts, and what is refused."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from augalgebra.data import load_data
from augalgebra.errors import DataError, ImageError

Members = Iterable[tuple[str, bytes]]


def packed(value: int, shape: tuple[int, ...] = (12, 16), kind: str = "png") -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full(shape, value, np.uint8)).save(content, kind)
    return content.getvalue()


def samples(first: int, count: int, label: str = "{}") -> list[tuple[str, bytes]]:
    """Grey pictures of their number, with a class of their number modulo 2."""
    return [
        member
        for number in range(first, first + count)
        for member in (
            (f"{number:04}.cls", label.format(number % 2).encode()),
            (f"{number:04}.png", packed(number)),
        )
    ]


def write(shard: Path, members: Members) -> Path:
    shard.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(shard, "w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return shard


def values(split) -> list[int]:
    return split.images[:, 0, 0, 0].tolist()


def test_shards_are_read_in_order_and_every_fifth_of_a_class_is_for_testing(tmp_path: Path) -> None:
    for shard in range(3):
        write(tmp_path / f"s-{shard:03}.tar", samples(10 * shard, 10))
    told: list[tuple[int, int, str]] = []
    data = load_data(f"webdataset:{tmp_path}/s-{{000..002}}.tar", progress=lambda *now: told.append(now))
    assert ((1, 12, 16), (), ()) == (data.image_shape, data.classes, data.remarks)
    assert [8, 9, 18, 19, 28, 29] == values(data.test)
    assert sorted(values(data.train) + values(data.test)) == list(range(30))
    assert [value % 2 for value in values(data.train)] == data.train.labels.tolist()
    assert (30, 0, "pictures read") == told[-1]
    assert data.test.first == len(data.train)
    assert data.fingerprint == load_data(f"webdataset:{tmp_path}").fingerprint
    one = load_data(f"webdataset:{tmp_path}/s-001.tar")
    assert [18, 19] == values(one.test)


def test_the_same_pictures_are_read_as_from_a_folder(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / "folder").mkdir(exist_ok=True)
        (tmp_path / "folder" / f"{number}.png").write_bytes(packed(number, (20 + number, 30)))
    write(tmp_path / "a.tar", [(f"{n}.png", packed(n, (20 + n, 30))) for n in range(10)])
    folder, shard = (load_data(name, size=16) for name in (str(tmp_path / "folder"), f"webdataset:{tmp_path}/a.tar"))
    assert folder.fingerprint == shard.fingerprint
    assert (16, 16) == (folder.size, shard.size)


def test_parts_and_classes_with_names(tmp_path: Path) -> None:
    write(tmp_path / "set" / "train" / "a.tar", samples(0, 6, "kind{}"))
    write(tmp_path / "set" / "val" / "a.tar", samples(6, 3, "kind{}"))
    data = load_data(f"webdataset:{tmp_path / 'set'}")
    assert ([*range(6)], [6, 7, 8]) == (values(data.train), values(data.test))
    assert ("kind0", "kind1") == data.classes
    write(tmp_path / "set" / "test" / "a.tar", samples(9, 3, "kind{}"))
    data = load_data(f"webdataset:{tmp_path / 'set'}")
    assert [9, 10, 11] == values(data.test)
    assert (f"{tmp_path / 'set' / 'val'} is left aside: train is learned from, test is measured on",) == data.remarks


def test_labels_in_json_and_other_members(tmp_path: Path) -> None:
    members = [
        member
        for n in range(10)
        for member in (
            (f"in/a.b/{n}.JPG", packed(20 * n, kind="jpeg")),
            (f"in/a.b/{n}.seg.png", packed(255)),
            (f"in/a.b/{n}.json", b'{"label": "cat", "caption": "x"}'),
            (f"in/a.b/{n}.txt", b"a caption"),
            (f"in/a.b/{n}.npy", b"whatever"),
        )
    ]
    data = load_data(f"webdataset:{write(tmp_path / 'a.tar', members)}")
    assert ((8, 2), ("cat",)) == ((len(data.train), len(data.test)), data.classes)
    assert max(values(data.train)) <= 180


def test_grey_pictures_become_colour_once_one_is(tmp_path: Path) -> None:
    members = [(f"{n}.png", packed(n, (8, 8, 3) if n in (3, 9) else (8, 8))) for n in range(12)]
    data = load_data(f"webdataset:{write(tmp_path / 'a.tar', members)}")
    assert (3, 8, 8) == data.image_shape
    for split in (data.train, data.test):
        assert torch.equal(split.images, split.images[:, :1].expand(-1, 3, -1, -1))
    assert [4, 9] == values(data.test)
    assert [0, 1, 2, 3, 5, 6, 7, 8, 10, 11] == values(data.train)


def test_more_classes_than_pictures_in_each(tmp_path: Path) -> None:
    members = [item for n in range(10) for item in ((f"{n}.png", packed(n)), (f"{n}.cls", str(n).encode()))]
    data = load_data(f"webdataset:{write(tmp_path / 'a.tar', members)}")
    assert ([4, 9], [4, 9]) == (values(data.test), data.test.labels.tolist())


@pytest.mark.parametrize("ending", ["pkl", "pyd", "emb.pickle", "pth"])
def test_python_objects_are_refused(tmp_path: Path, ending: str) -> None:
    shard = write(tmp_path / "a.tar", [*samples(0, 10), (f"0010.{ending}", b"\x80\x04.")])
    for skip_broken in (False, True):
        with pytest.raises(DataError, match=rf"a\.tar/0010\.{ending} holds Python objects, which are never unpickled"):
            load_data(f"webdataset:{shard}", skip_broken=skip_broken)


def test_a_broken_picture_is_named_and_skipped_or_refused(tmp_path: Path) -> None:
    members = [*samples(0, 10), ("0010.png", packed(10)[:40]), *samples(11, 2)]
    shard = write(tmp_path / "a.tar", members)
    with pytest.raises(ImageError, match=r"^1 of 13 pictures cannot be read: a\.tar/0010\.png \("):
        load_data(f"webdataset:{shard}")
    data = load_data(f"webdataset:{shard}", skip_broken=True)
    assert ("1 of 13 pictures left out, since they cannot be read: a.tar/0010.png",) == data.remarks
    assert 12 == len(data.train) + len(data.test)


@pytest.mark.parametrize("how", ["cut", "overwritten", "foreign"])
def test_a_damaged_archive_is_named_and_skipped_or_refused(tmp_path: Path, how: str) -> None:
    shard = write(tmp_path / "a.tar", samples(0, 12))
    content = bytearray(shard.read_bytes())
    if how == "cut":
        content = content[: 512 * 4 * 11 + 700]
    else:
        content[512 * 4 * 11 if how == "overwritten" else 0 : len(content)] = b"x" * 2000
    shard.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.tar is damaged or no tar archive \("):
        load_data(f"webdataset:{shard}")
    if how == "foreign":
        with pytest.raises(DataError, match="0 images"):
            load_data(f"webdataset:{shard}", skip_broken=True)
        return
    data = load_data(f"webdataset:{shard}", skip_broken=True)
    assert 11 == len(data.train) + len(data.test)
    assert "what follows is left out" in data.remarks[0]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "0 images; at least 10"),
        (samples(0, 4), "4 images; at least 10"),
        ([*samples(0, 10), ("0010.png", packed(9))], "some labels are there and some are not"),
        ([*samples(0, 10), *samples(10, 5, "kind{}")], "some labels are numbers and some are text"),
        ([*samples(0, 10), ("0010.cls", b" "), ("0010.png", packed(9))], r"a\.tar/0010\.cls is empty"),
        ([*samples(0, 10), ("0010.cls", b"1"), ("0010.png", packed(9, (9, 9)))], r"2 sizes: 12×16 \(10, such as a.tar"),
    ],
)
def test_what_is_no_data_set(tmp_path: Path, members: Members, message: str) -> None:
    shard = write(tmp_path / "a.tar", members)
    with pytest.raises((DataError, ImageError), match=message):
        load_data(f"webdataset:{shard}")


def test_places_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no archive .*s-1\.tar"):
        load_data(f"webdataset:{tmp_path}/s-{{0..3}}.tar".replace("{0", "{1"))
    with pytest.raises(DataError, match="holds no shards"):
        load_data(f"webdataset:{tmp_path}")
    with pytest.raises(DataError, match="is no range"):
        load_data(f"webdataset:{tmp_path}/s-{{3..1}}.tar")


def test_links_and_folders_in_an_archive_are_passed_over(tmp_path: Path) -> None:
    shard = write(tmp_path / "a.tar", samples(0, 10))
    with tarfile.open(shard, "a") as archive:
        for name, kind in (("0010.png", tarfile.SYMTYPE), ("0011.png", tarfile.LNKTYPE), ("0012.png", tarfile.DIRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert 10 == sum(map(len, (load_data(f"webdataset:{shard}").train, load_data(f"webdataset:{shard}").test)))


def test_labels_that_lie_elsewhere_are_not_lost_without_a_word(tmp_path: Path) -> None:
    members = samples(0, 20)
    shard = write(tmp_path / "s.tar", [*members[1::2], *members[::2]])  # all pictures, then all labels
    message = r"s.tar/0000.cls has no picture beside it; the files of a sample lie side by side in an archive"
    with pytest.raises(DataError, match=message):
        load_data(f"webdataset:{shard}")
    data = load_data(f"webdataset:{shard}", skip_broken=True)
    assert 20 == len(data.train) + len(data.test)
    (remark,) = data.remarks
    assert remark.startswith("20 labels without a picture beside it left out: s.tar/0000.cls, s.tar/0001.cls")


@pytest.mark.parametrize("label", ["1.0", "[1]", "true", '{"a": 1}'])
def test_a_label_in_json_that_is_none_is_refused(tmp_path: Path, label: str) -> None:
    members = [(f"{n}.json", f'{{"label": {label if n == 7 else 1}}}'.encode()) for n in range(10)]
    pictures = [(f"{n}.png", packed(n)) for n in range(10)]
    shard = write(tmp_path / "s.tar", [item for pair in zip(members, pictures, strict=True) for item in pair])
    with pytest.raises(DataError, match=r"s.tar/7.json has the label .*; a class is a whole number or a text"):
        load_data(f"webdataset:{shard}")


def test_classes_of_two_pictures_are_split_as_in_a_folder(tmp_path: Path) -> None:
    members = [item for n in range(24) for item in ((f"{n:02}.cls", b"%d" % (n // 2)), (f"{n:02}.png", packed(n)))]
    data = load_data(f"webdataset:{write(tmp_path / 's.tar', members)}")
    for n in range(24):
        (tmp_path / "folder" / f"{n // 2:02}").mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / f"{n // 2:02}" / f"{n:02}.png").write_bytes(packed(n))
    folder = load_data(str(tmp_path / "folder"))
    assert [4, 9, 14, 19] == values(data.test) == values(folder.test)
    assert folder.fingerprint == data.fingerprint
    assert [2, 4, 7, 9] == data.test.labels.tolist()
