"""WebDataset shards: tar archives in which files that lie side by side under one name are a picture and its label.

The form is that of https://github.com/webdataset/webdataset: a sample is called what stands before the first dot of a
member's file name, in its folder; the rest says what it is. Read are pictures (``.jpg``, ``.png``, …) and labels
(``.cls``: a number or the name of a class; or ``label`` or ``cls`` in a ``.json``). Members are read into memory one
after the other, and nothing is unpacked onto the disk. Python objects are refused.
"""

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from augalgebra.data.folder import find_held_out
from augalgebra.data.streams import TEST, TRAIN, LabelledPicture
from augalgebra.decoding import MOST_PIXELS, PackedPicture
from augalgebra.errors import DataError
from augalgebra.images import SUFFIXES, list_files
from augalgebra.plain import count_of
from augalgebra.storage.files import open_regular
from augalgebra.storage.values import shown_name

PICKLED = (".pkl", ".pickle", ".pyd", ".pth", ".pt", ".joblib")
"""Endings of members that hold Python objects. An archive with one is refused, rather than read in part."""

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST_SHARDS = 100_000
_MOST_PICTURE = 3 * MOST_PIXELS  # bytes
_MOST_LABEL = 1 << 20
_LABELS = ("label", "cls")


def find_shards(place: str) -> tuple[list[tuple[Path, str]], list[str]]:
    """The shards of a data set, in order of their names.

    Args:
        place: An archive; several as ``shards-{000..003}.tar``; or a folder of them, perhaps with ``train`` and
            ``test`` (or ``val``) below it.

    Returns:
        Each with the part that it belongs to, or nothing if there are no parts; and what is to be said of them.

    Raises:
        DataError: There is none, or one of those that are named is missing.
    """
    folder = Path(place)
    if not folder.is_dir():
        shards = [Path(name) for name in _expanded(place)]
        missing = [shard for shard in shards if not shard.is_file()]
        if missing:
            raise DataError(f"there is no archive {missing[0]}")
        return [(shard, "") for shard in shards], []
    found = sorted(folder.rglob("*.tar"))
    if not found:
        raise DataError(f"{folder} holds no shards; files that end in .tar are read")
    tops = {shard: shard.relative_to(folder).parent.parts[:1] for shard in found}
    held_out = find_held_out(set(tops.values()))
    if not held_out:
        return [(shard, "") for shard in found], []
    parts: dict[tuple[str, ...], str] = {(TRAIN,): TRAIN, (held_out,): TEST}
    aside = sorted({top[0] for top in tops.values()} - {TRAIN, held_out})
    remarks = [f"{folder / name} is left aside: {TRAIN} is learned from, {held_out} is measured on" for name in aside]
    return [(shard, parts[tops[shard]]) for shard in found if tops[shard] in parts], remarks


def read_shards(
    shards: list[tuple[Path, str]], *, skip_broken: bool = False, remarks: list[str]
) -> Iterator[LabelledPicture]:
    """The pictures of shards with their labels, in their order.

    Args:
        shards: Archives, not compressed, with the part that each belongs to.
        skip_broken: Leave out what follows a damaged place of an archive.
        remarks: What is to be said is added here.

    Raises:
        DataError: An archive is damaged, holds Python objects, or a label cannot be read.
    """
    for shard, part in shards:
        members = 0
        try:
            with open_regular(shard) as file, tarfile.open(fileobj=file, mode="r:") as archive:
                sample, lonely = _Sample(""), list[str]()
                for member in archive:
                    members += 1
                    if not member.isreg() or member.issparse():
                        continue
                    name = f"{shard.name}/{shown_name(member.name)}"
                    key, kind = _parted(member.name)
                    if any(kind.endswith(ending) for ending in PICKLED):
                        raise DataError(f"{name} holds Python objects, which are never unpickled; leave it out")
                    if key != sample.key:
                        yield from sample.picture(part)
                        lonely += sample.lonely
                        sample = _Sample(key)
                    sample.read(archive, member, name, kind)
                yield from sample.picture(part)
                lonely += sample.lonely
                if lonely and not skip_broken:
                    raise DataError(
                        f"{lonely[0]} has no picture beside it; the files of a sample lie side by side in an archive "
                        "(tar --sort=name). Pack it so, or give --skip-broken"
                    )
                if lonely:
                    found = count_of(len(lonely), "label")
                    remarks.append(f"{found} without a picture beside it left out: {list_files(lonely)}")
                file.seek(archive.offset)
                if file.read(tarfile.BLOCKSIZE).strip(b"\0"):  # where tarfile takes what is no header for the end
                    raise tarfile.ReadError(f"there is no header at byte {archive.offset}")
        except (tarfile.TarError, EOFError, OSError) as error:
            why = " ".join(str(getattr(error, "strerror", None) or error).split())
            if not skip_broken:
                raise DataError(
                    f"{shard} is damaged or no tar archive ({why}); leave it out, or give --skip-broken"
                ) from error
            remarks.append(f"{shard} is damaged after {members} members ({why}); what follows is left out")


class _Sample:
    """What was found under one name."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._picture: PackedPicture | None = None
        self._label: str | int | None = None
        self._named = ""

    @property
    def lonely(self) -> list[str]:
        """The label that has no picture, if that is so."""
        return [self._named] if self._named and self._picture is None else []

    def read(self, archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, kind: str) -> None:
        """Take a member, if it is a picture or a label."""
        if kind in SUFFIXES and self._picture is None:
            # of what is too large the beginning is a broken picture
            self._picture = PackedPicture(name, _content(archive, member, _MOST_PICTURE))
        elif kind in (".cls", ".json"):
            content = _content(archive, member, _MOST_LABEL)
            label = _label_in_json(content, name) if kind == ".json" else content.decode("utf-8", "replace").strip()
            if label == "":
                raise DataError(f"{name} is empty; name the class of each picture")
            if label is not None:
                self._named = name
                self._label = int(label) if isinstance(label, str) and re.fullmatch(r"-?\d{1,18}", label) else label

    def picture(self, part: str) -> Iterator[LabelledPicture]:
        """The picture with its label, if there is one."""
        if self._picture is not None:
            yield LabelledPicture(self._picture, self._label, part)


def _parted(name: str) -> tuple[str, str]:
    """The name of a sample, with its folder, and the rest of the file name from the first dot on."""
    folder, slash, file = name.rpartition("/")
    stem, dot, rest = file.partition(".")
    return f"{folder}{slash}{stem}", f"{dot}{rest}".lower()


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, most: int) -> bytes:
    file = archive.extractfile(member)
    return b"" if file is None else file.read(most)


def _label_in_json(content: bytes, name: str) -> str | int | None:
    try:
        read = json.loads(content)
    except ValueError:
        return None
    found = [read[key] for key in _LABELS if read.get(key) is not None] if isinstance(read, dict) else []
    label = next((label for label in found if isinstance(label, str) or type(label) is int), None)
    if found and label is None:
        raise DataError(f"{name} has the label {found[0]!r:.60}; a class is a whole number or a text")
    return label


def _expanded(place: str) -> list[str]:
    """The names that ``{000..003}`` in one stands for."""
    match = _RANGE.search(place)
    if match is None:
        return [place]
    first, last = int(match[1]), int(match[2])
    if not first <= last < first + _MOST_SHARDS:
        raise DataError(f"{place}: {match[0]} is no range of at most {_MOST_SHARDS} numbers")
    before, after = place[: match.start()], place[match.end() :]
    numbers = [f"{number:0{len(match[1])}}" for number in range(first, last + 1)]
    return [f"{before}{number}{rest}" for rest in _expanded(after) for number in numbers]
