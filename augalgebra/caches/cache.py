"""A cache of codes: a folder, or one file of it, in the format of some trainer."""

import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from augalgebra.caches.arrays import SUFFIXES, ArrayFile, open_arrays
from augalgebra.caches.formats.layout import CacheFormat, Layout
from augalgebra.caches.formats.telling import tell_format
from augalgebra.caches.journal import read_record
from augalgebra.errors import AugalgebraError, DataError

__all__ = ["Cache", "naming"]

_CAPTIONS = "_te.npz", "_te.safetensors"
_PICKLES = (".pt", ".pth", ".pkl", ".ckpt", ".bin")
_SIDES = re.compile(r"\b(left|right)\b", re.IGNORECASE)
_ADDED = re.compile(r"_\d{3,}x\d{3,}_[^_]*$")


@dataclass(frozen=True)
class Cache:
    """A cache of codes.

    Attributes:
        root: The folder that it lies in.
        format: Its format.
        files: The names of its files, below the folder, in order.
        left: The names of files that are no codes and are left alone: encoded captions, pickles.
        record: What it says of how its codes were made, if this program made them.
        carry: Names of arrays that the format does not know and that may be copied as they are.
    """

    root: Path
    format: CacheFormat
    files: tuple[Path, ...]
    left: tuple[Path, ...] = ()
    record: dict[str, Any] = field(default_factory=dict)
    carry: frozenset[str] = frozenset()

    @classmethod
    def open(cls, path: str | Path, carry: Collection[str] = ()) -> "Cache":
        """Look at a cache; of its files one is read.

        Args:
            path: A folder, with all that lies below it, or one file.
            carry: Names of arrays that the format does not know and that may be copied as they are.

        Raises:
            DataError: There is none, it is of no known format or of several, or it is damaged.
        """
        path = Path(path)
        left: list[Path] = []
        if path.is_file():
            root, found = path.parent, [Path(path.name)]
            if path.suffix not in SUFFIXES:
                raise DataError(
                    f"{path} is no cache of codes: those end with {', '.join(SUFFIXES)}; pickles are never read"
                )
        elif path.is_dir():
            root, (found, left) = path, _files_below(path)
        else:
            raise DataError(f"there is no file and no folder {path}")
        if not found:
            pickled = next((item for item in left if item.suffix in _PICKLES), None)
            beside = f"; {pickled} is a pickle, which is never read: save it as .npy" if pickled else ""
            raise DataError(f"{path} holds no {', '.join(SUFFIXES)} files of codes{beside}")
        other = next((item for item in found if item.suffix != found[0].suffix), None)
        if other is not None:
            raise DataError(
                f"{path} holds {found[0]} and {other}, of different formats; name the folder or file of one"
            )
        with open_arrays(root / found[0]) as file:
            told = tell_format(file)
        return cls(root, told, tuple(found), tuple(left), read_record(root), frozenset(carry))

    @contextmanager
    def read(self, name: Path) -> Iterator[tuple[ArrayFile, Layout]]:
        """Open one of its files.

        Raises:
            DataError: It is damaged, of another format than the first one, or holds something unknown.
        """
        with open_arrays(self.root / name) as file:
            if not self.format.claims(file.specs):
                told = tell_format(file)
                raise DataError(
                    f"{self.root} holds files of {self.format.name} ({self.files[0]}) and of {told.name} ({name}); "
                    "name the folder or file of one"
                )
            yield file, self.format.read_layout(file, self.carry)

    def captions_with_sides(self) -> tuple[int, Path | None]:
        """Captions beside its files that say left or right, which is wrong after a flip or a turn.

        Returns:
            How many, and one of them.
        """
        count, example = 0, None
        for name in self.files:
            stem = _ADDED.sub("", name.name.removesuffix(self.format.suffix))
            folder = (self.root / name).parent
            folder = folder.parent if folder.name == "_latent_cache" else folder
            stems = (stem, stem.rpartition("_")[0], Path(stem).stem)
            for path in (folder / f"{item}{suffix}" for item in stems if item for suffix in (".txt", ".caption")):
                try:
                    said = path.is_file() and _SIDES.search(path.read_text(encoding="utf-8", errors="replace"))
                except OSError:
                    continue
                if said:
                    count, example = count + 1, example or path
                    break
        return count, example


@contextmanager
def naming(place: object) -> Iterator[None]:
    """Say in which file something was wrong."""
    try:
        yield
    except AugalgebraError as error:
        if str(place) in str(error):
            raise
        raise type(error)(f"{place}: {error}") from error


def _files_below(root: Path) -> tuple[list[Path], list[Path]]:
    found, left = [], []
    seen = {os.path.realpath(root)}
    for folder, folders, names in os.walk(root, followlinks=True):
        places = {name: os.path.realpath(Path(folder) / name) for name in sorted(folders)}
        folders[:] = [name for name, place in places.items() if place not in seen]  # links may go round
        seen.update(places.values())
        for name in sorted(names):
            path = (Path(folder) / name).relative_to(root)
            if name.startswith("."):
                continue
            if path.suffix in SUFFIXES and not name.endswith(_CAPTIONS):
                found.append(path)
            elif path.suffix in (*SUFFIXES, *_PICKLES):
                left.append(path)
    return found, left
