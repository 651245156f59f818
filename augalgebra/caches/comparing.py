"""Second copies of a cache against what an operator makes of the first ones: measured, and dropped."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.caches.arrays import ArrayFile
from augalgebra.caches.cache import Cache, naming
from augalgebra.caches.formats.layout import Codes, as_batch
from augalgebra.caches.mover import FLIP, Mover, check_record
from augalgebra.caches.moving import RAW, Scaling
from augalgebra.caches.rewriting import Target, rewrite
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.errors import DataError, ImageError
from augalgebra.latent.grids import GridSpace
from augalgebra.operators.grids.registry import GridRegistry
from augalgebra.storage.files import remove_abandoned
from augalgebra.storage.locks import lock
from augalgebra.tasks import Workers, run_tasks

__all__ = ["CopiesReport", "FileReport", "StripReport", "check_scaling", "strip_cache", "verify_cache"]

PICTURES_BAR, CODES_BAR = 25.0, 12.0
"""Least agreement, in dB, of pictures that are drawn, and of codes where nothing can be drawn. On TAEF2 and photographs
the grid flipped plainly reaches 17.5 and 0, and a 3×3 kernel that was fitted on no more than 24 crops 27.7 and 8.9."""

FOREIGN = 0.7
"""Relative error of codes that are drawn and encoded again from which on they may be of another autoencoder."""
_MOST = 100.0  # dB, which what is equal has
_BATCH = 16


@dataclass(frozen=True)
class FileReport:
    """How well an operator agrees with the second copies in a file.

    Attributes:
        file: Its name.
        pictures: How many pictures were compared; 0 where the file has no second copies.
        error: Relative error of the moved codes, and
        plain: that of the first copies flipped as they are, without an operator.
        agreement: dB between what is drawn of second copies and of moved codes, on average; None where nothing is
            drawn.
        worst: The same of the worst picture.
        lost: How many dB moved codes are further than second copies from what the first copies draw, flipped.
    """

    file: str
    pictures: int
    error: float = 0.0
    plain: float = 0.0
    agreement: float | None = None
    worst: float | None = None
    lost: float | None = None

    @property
    def decibels(self) -> float:
        """What is judged: agreement of pictures, or else of codes."""
        return _decibels(self.error**2) if self.agreement is None else self.agreement


@dataclass(frozen=True)
class CopiesReport:
    """How well an operator agrees with the second copies of a cache.

    Attributes:
        word: The word of the operator.
        drawn: Whether pictures were compared, or codes alone.
        bar: Least agreement of a file, in dB.
        files: One report for each file, in the order of the cache.
    """

    word: str
    drawn: bool
    bar: float
    files: tuple[FileReport, ...]

    @property
    def compared(self) -> tuple[FileReport, ...]:
        """The files that have second copies."""
        return tuple(file for file in self.files if file.pictures)

    @property
    def below(self) -> tuple[FileReport, ...]:
        """The files below the bar, worst first."""
        return tuple(
            sorted((file for file in self.compared if not file.decibels >= self.bar), key=lambda file: file.decibels)
        )

    @property
    def worst(self) -> float | None:
        """Agreement of the worst picture that was drawn."""
        return min((file.worst for file in self.compared if file.worst is not None), default=None)

    def mean(self, name: str) -> float | None:
        """The mean of a figure over all pictures; None where there is none."""
        values = [(getattr(file, name), file.pictures) for file in self.compared if getattr(file, name) is not None]
        return sum(value * count for value, count in values) / sum(count for _, count in values) if values else None

    def to_dict(self) -> dict[str, object]:
        """All of it, fit for JSON."""
        means = {name: self.mean(name) for name in ("error", "plain", "agreement", "lost")}
        return {
            "word": self.word,
            "drawn": self.drawn,
            "bar": self.bar,
            "pictures": sum(file.pictures for file in self.compared),
            **means,
            "worst": self.worst,
            "below": [file.file for file in self.below],
            "files": [vars(file) for file in self.files],
        }


@dataclass(frozen=True)
class StripReport:
    """What became of second copies.

    Attributes:
        report: How well the operator agrees with them.
        stripped: The files whose second copies are gone now.
        bytes_before: What those files took, and
        bytes_after: what they take.
    """

    report: CopiesReport
    stripped: tuple[str, ...]
    bytes_before: int
    bytes_after: int

    def to_dict(self) -> dict[str, object]:
        """All of it, fit for JSON."""
        return {
            **self.report.to_dict(),
            "stripped": list(self.stripped),
            "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_after,
        }


def verify_cache(
    cache: Cache,
    registry: GridRegistry,
    space: GridSpace | None = None,
    *,
    scaling: Scaling = RAW,
    bar: float | None = None,
    samples: int | None = None,
    jobs: int = 1,
    progress: CaseProgress = unseen,
) -> CopiesReport:
    """Compare the second copies of a cache with its first ones moved by the operator of the flip.

    Args:
        cache: The cache.
        registry: Operators of the autoencoder that made the codes.
        space: That autoencoder, to draw what is compared; without it codes are.
        scaling: How codes lie on the disk.
        bar: Least agreement of a file in dB; by default `PICTURES_BAR`, or `CODES_BAR` where nothing is drawn.
        samples: Pictures of each file that are compared, spread evenly; by default all.
        jobs: How many processes.
        progress: Told how many files are done.

    Raises:
        MissingOperatorError: The flip has no operator.
        DataError: A file is damaged or does not belong to these operators.
    """
    report = _verify(cache, _mover(cache, registry, scaling), registry, space, bar, samples, jobs, progress)
    if not report.compared:
        raise DataError(f"{cache.root} has no second copies")
    return report


def strip_cache(
    cache: Cache,
    registry: GridRegistry,
    space: GridSpace | None = None,
    *,
    scaling: Scaling = RAW,
    bar: float | None = None,
    samples: int | None = None,
    jobs: int = 1,
    progress: CaseProgress = unseen,
) -> StripReport:
    """Drop the second copies of a cache, in place, where the operator of the flip replaces them.

    Each file is measured first. One that reaches the bar is written again without second copies and then takes the
    place of what was there, in one step; one that does not is left as it is. Begun again, it goes on with what has
    copies, and does nothing where nothing has any.

    Args:
        cache: The cache.
        registry: Operators of the autoencoder that made the codes.
        space: That autoencoder, to draw what is compared; without it codes are.
        scaling: How codes lie on the disk.
        bar: As for `verify_cache`.
        samples: As for `verify_cache`.
        jobs: How many processes.
        progress: Told how many files are done.

    Raises:
        AugalgebraError: As for `verify_cache`, or something cannot be written.
    """
    mover = _mover(cache, registry, scaling)
    sizes = {name.as_posix(): (cache.root / name).stat().st_size for name in cache.files}
    stripped = []
    with lock(cache.root, "stripped"):
        report = _verify(cache, mover, registry, space, bar, samples, jobs, progress)
        below = {file.file for file in report.below}
        good = [Path(file.file) for file in report.compared if file.file not in below]
        for name, _ in run_tasks(partial(_strip, cache, mover), good, Workers(jobs, threads=1)):
            stripped.append(name.as_posix())
            progress(len(stripped), len(good), str(name))
        for folder in {Path(os.path.realpath(cache.root / name)).parent for name in cache.files}:  # links are followed
            remove_abandoned(folder)
    after = sum((cache.root / name).stat().st_size for name in stripped)
    return StripReport(report, tuple(sorted(stripped)), sum(sizes[name] for name in stripped), after)


def check_scaling(cache: Cache, space: GridSpace, scaling: Scaling) -> str:
    """See that codes lie on the disk as they are said to: what they draw, encoded again, is to be near them.

    Returns:
        A remark if it is far from them, as it is from codes of another autoencoder; else nothing.

    Raises:
        DataError: They would be nearer if they were scaled, or raw.
    """
    with cache.read(cache.files[0]) as (file, layout):
        if not layout.codes:
            return ""
        first = layout.codes[0]
        codes = as_batch(file.read(first.key, 0, 4 if first.axes[0] == "n" else None), first.axes)[:4]
    if codes.shape[1] != space.channels or not bool(codes.isfinite().all()):
        return ""  # which moving them finds, and names
    errors = []
    for item in dict.fromkeys((RAW, Scaling(space.scale, space.shift))):
        raw = codes.float() / item.scale + item.shift
        with torch.no_grad():
            again = space.encode(space.decode(raw.to(space.device))).to(raw.device)
        errors.append(float((again - raw).square().mean() / raw.square().mean().clamp_min(1e-12)) ** 0.5)
    said, other = errors[0 if scaling.is_raw else -1], errors[-1 if scaling.is_raw else 0]
    if other < said / 2:
        what = "scaled; say --scaled" if scaling.is_raw else "raw; leave out --scaled"
        raise DataError(
            f"{cache.root}: these codes seem to be {what} (drawn and encoded again they are {said:.0%} off, and taken "
            f"so {other:.0%})"
        )
    if said < FOREIGN:
        return ""
    return (
        f"{cache.root}: these codes may be of another autoencoder: drawn and encoded again they are {said:.0%} off; "
        "nothing that is made of them can be trusted then"
    )


def _mover(cache: Cache, registry: GridRegistry, scaling: Scaling) -> Mover:
    check_record(cache.record, registry, scaled=not scaling.is_raw)
    flip = registry.catalog.word(FLIP)
    mover = Mover(registry, [Word(), flip], scaling.scale, scaling.shift)
    mover.way(flip, has_copy=False)  # before anything is read
    return mover


def _verify(
    cache: Cache,
    mover: Mover,
    registry: GridRegistry,
    space: GridSpace | None,
    bar: float | None,
    samples: int | None,
    jobs: int,
    progress: CaseProgress,
) -> CopiesReport:
    flip = registry.catalog.word(FLIP)
    work = partial(_measure, cache, mover, flip, space, samples)
    reports = []
    for done, (name, report) in enumerate(run_tasks(work, cache.files, Workers(jobs, threads=1)), 1):
        reports.append(report)
        progress(done, len(cache.files), str(name))
    bar = bar if bar is not None else CODES_BAR if space is None else PICTURES_BAR
    order = {name.as_posix(): number for number, name in enumerate(cache.files)}
    reports.sort(key=lambda report: order[report.file])
    return CopiesReport(registry.catalog.display(flip), space is not None, bar, tuple(reports))


def _strip(cache: Cache, mover: Mover, name: Path) -> None:
    rewrite(cache, name, Target(Word()), mover, cache.root)


def _measure(
    cache: Cache, mover: Mover, flip: Word, space: GridSpace | None, samples: int | None, name: Path
) -> FileReport:
    compared: list[tuple[Tensor, ...]] = []
    with cache.read(name) as (file, layout), naming(file.path):
        for codes in layout.codes:
            if codes.has_copy:
                for first, second in _pairs(file, codes, samples):
                    compared.append(_compare(first, second, codes, mover, flip, space))
    if not compared:
        return FileReport(name.as_posix(), 0)
    error, plain, norm, *drawn = (torch.cat(column) for column in zip(*compared, strict=True))
    relative = [float(item.sum() / norm.sum().clamp_min(1e-30)) ** 0.5 for item in (error, plain)]
    report = FileReport(name.as_posix(), len(error), relative[0], relative[1])
    if not drawn:
        return report
    agreement, lost = drawn
    return replace(report, agreement=float(agreement.mean()), worst=float(agreement.min()), lost=float(lost.mean()))


def _pairs(file: ArrayFile, codes: Codes, samples: int | None) -> Iterable[tuple[Tensor, Tensor]]:
    """First and second copies, some at a time, as ``[batch, channel, height, width]``."""
    if codes.axes[0] != "n":
        yield as_batch(file.read(codes.key), codes.axes), as_batch(file.read(codes.copy_key), codes.axes)
        return
    count = file.specs[codes.key].shape[0]
    for rows in _spread(count, samples):
        pieces = [torch.cat([file.read(key, row, row + 1) for row in rows]) for key in (codes.key, codes.copy_key)]
        yield pieces[0], pieces[1]


def _spread(count: int, samples: int | None) -> Iterable[Sequence[int]]:
    chosen = count if samples is None else min(samples, count)
    rows = [n * count // chosen for n in range(chosen)]
    return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))


def _compare(
    first: Tensor, second: Tensor, codes: Codes, mover: Mover, flip: Word, space: GridSpace | None
) -> tuple[Tensor, ...]:
    """For each picture squared errors of the moved and the plainly flipped code, what they are relative to, and dB."""
    moved = mover.move(first, mover.way(flip, has_copy=False).operator, moments=codes.moments)
    mover.check(second)
    count = mover.means(first, moments=codes.moments)
    first, second, moved = (mover.raw(item[:, :count]) for item in (first, second, moved))
    for item in (first, second, moved):
        mover.check(item)  # once more, as float32 may be too narrow for them
    others = moved, first.flip(-1), torch.zeros_like(second)
    # in double precision, where no square of a float is infinite
    errors = tuple((item.double() - second.double()).square().flatten(1).sum(1) for item in others)
    if space is None:
        return errors
    with torch.no_grad():
        drawn = [space.decode(item.to(space.device)).float().cpu() for item in (first, second, moved)]
    if not all(bool(torch.isfinite(item).all()) for item in drawn):
        raise ImageError("what is drawn of these codes is NaN or infinite; encode these pictures again")
    truth = drawn[0].flip(-1)
    return *errors, _psnr(drawn[1], drawn[2]), _psnr(truth, drawn[1]) - _psnr(truth, drawn[2])


def _psnr(one: Tensor, other: Tensor) -> Tensor:
    squares = (one - other).square().flatten(1).mean(1)
    return (-10 * squares.clamp_min(1e-30).log10()).clamp_max(_MOST)


def _decibels(square: float) -> float:
    return min(_MOST, -10 * math.log10(max(square, 1e-30)))
