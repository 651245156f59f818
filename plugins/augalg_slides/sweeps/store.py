"""Results of a sweep on disk: one file for each cell, named after what its numbers depend on."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from augalg_slides.sweeps.pairs import ROLES, Role
from augalg_slides.sweeps.settings import CellKey, SweepSettings
from augalgebra.consistency import MEASURE
from augalgebra.errors import RunError
from augalgebra.plain import PlainData
from augalgebra.storage import LOCK, MOST_TEXT, parse_json, parts_in, read_bytes, read_result, write_json

KIND, SWEEP_KIND = "augalgebra.sweep.cell", "augalgebra.sweep"
SWEEP, CELLS, RUNS = "sweep.json", "cells", "runs"
_NUMBERS = ("loss", "floor", "unmoved", "entropy")


@dataclass(frozen=True)
class Term:
    """One term of a total, in the unit of the likelihood per image.

    Attributes:
        loss: Of moving the codes of the originals there and drawing them.
        floor: Of encoding and drawing the view directly.
        unmoved: Of drawing the codes of the originals where they are.
        entropy: Of drawing the view perfectly.
    """

    loss: float
    floor: float
    unmoved: float
    entropy: float

    @property
    def excess(self) -> float:
        """Loss beyond the entropy."""
        return self.loss - self.entropy


@dataclass(frozen=True)
class Cell(PlainData):
    """What was measured of one initial pair, target pair, mode and seed.

    Attributes:
        key: Which cell.
        terms: The terms of the total, by what they are.
        images: Number of test images.
        steps: Steps of stage 1, and of stage 3 if there was one.
    """

    key: CellKey
    terms: Mapping[Role, Term]
    images: int
    steps: tuple[int, ...]
    kind: ClassVar[str] = KIND
    measure: ClassVar[int] = MEASURE
    in_json = "kind", "measure", "key", "total", "terms", "images", "steps"

    @property
    def total(self) -> float:
        """Loss of the original, both augmentations and their composition together: the published quantity."""
        return sum(self.terms[role].loss for role in ROLES)

    @property
    def excess(self) -> float:
        """The same beyond the entropy of all four."""
        return sum(self.terms[role].excess for role in ROLES)


class SweepStore:
    """The folder of a sweep.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def check_claimable(self) -> None:
        """Raise `RunError` if the folder holds something that is no sweep."""
        if (self.folder / SWEEP).exists():
            self.settings()
        elif self.folder.is_dir():
            unfinished = {self.folder / LOCK, *parts_in(self.folder)}  # a sweep may have been killed in its first write
            if set(self.folder.iterdir()) - unfinished:
                raise self._occupied()
        elif self.folder.exists():
            raise self._occupied()

    def _occupied(self) -> RunError:
        return RunError(f"{self.folder} holds something that is no sweep; name another folder, or empty this one")

    def claim(self, settings: SweepSettings, fingerprint: str) -> None:
        """Mark the folder as a sweep's; other sweeps may have been there before, nothing else.

        Raises:
            RunError: The folder holds something else.
        """
        self.check_claimable()
        path = self.folder / SWEEP
        content = {"kind": SWEEP_KIND, "settings": settings.to_dict(), "data": fingerprint}
        write_json(path, content)

    def settings(self) -> tuple[SweepSettings, str]:
        """What the latest sweep here was asked for, and the fingerprint of its data.

        Raises:
            RunError: There is no sweep, or its file is damaged.
        """
        path = self.folder / SWEEP
        try:
            content = parse_json(read_bytes(path, MOST_TEXT))
            if content["kind"] != SWEEP_KIND:
                raise RunError(f"{path} is no sweep's; name another folder")
            # before there was a choice every sweep was Bernoulli's
            return SweepSettings.from_dict({"likelihood": "bernoulli"} | content["settings"]), str(content["data"])
        except FileNotFoundError as error:
            hint = f"'augalg slides sweep {self.folder}' makes one"
            raise RunError(f"there is no sweep in {self.folder}; {hint}") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path} is damaged ({error!r}); delete it, cells are kept without it") from error

    def path(self, key: CellKey) -> Path:
        """Where a cell is kept."""
        return self.folder / CELLS / f"{key.digest}.json"

    def run_folder(self, name: str) -> Path:
        """Where a training is kept."""
        return self.folder / RUNS / name

    def put(self, cell: Cell) -> None:
        """Keep a cell, in one step."""
        write_json(self.path(cell.key), cell)

    def get(self, key: CellKey) -> Cell | None:
        """A cell that was computed before; None if it was not.

        Raises:
            RunError: Its file is damaged or is about something else.
        """
        path = self.path(key)
        content = read_result(path, KIND, "cell of a sweep")
        if content is None:
            return None
        if content.get("key") != key.to_dict():
            raise RunError(f"{path} is a cell with other settings than its name says")
        if content.get("measure") != MEASURE:
            raise RunError(f"{path} was measured otherwise than now, before losses were told from the images' entropy")
        try:
            terms = {role: Term(**{name: float(content["terms"][role][name]) for name in _NUMBERS}) for role in ROLES}
            cell = Cell(key, terms, int(content["images"]), tuple(map(int, content["steps"])))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise RunError(f"{path} is incomplete: {error!r}") from error
        if not all(math.isfinite(value) for term in terms.values() for value in vars(term).values()):
            raise RunError(f"{path} holds a loss that is no number")
        return cell

    def count(self, keys: Iterable[CellKey]) -> int:
        """How many of some cells have a file."""
        return sum(self.path(key).exists() for key in keys)
