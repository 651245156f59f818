"""What is in a cache: format, shapes, types, copies, numbers that are none, captions that a flip makes wrong."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from augalgebra.caches.cache import Cache
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.tasks import Workers, run_tasks

__all__ = ["CacheInfo", "describe_cache"]

_ROWS = 256


@dataclass(frozen=True)
class CacheInfo:
    """What is in a cache.

    Attributes:
        format: Name of its format.
        trainer: Who writes that.
        files: Number of files of codes.
        left: Number of files beside them that are no codes, such as encoded captions.
        pictures: Number of pictures.
        copies: How many of them have a second copy.
        arrays: How often each name occurs, with the type of what it holds.
        sizes: Pictures by channels, height and width of their grids.
        bytes: What codes and copies take, and all else in the files.
        not_finite: Numbers that are NaN or infinite, by file.
        smallest, largest: Of all codes.
        deviation: Standard deviation of all codes that are finite.
        scaled: Whether the format keeps codes that are scaled; None if that depends on the model.
        record: How the codes were made, if this program made them.
        captions: How many captions say left or right.
        example: One of those.
    """

    format: str
    trainer: str
    files: int
    left: int
    pictures: int
    copies: int
    arrays: dict[str, int]
    sizes: dict[tuple[int, int, int], int]
    bytes: int
    not_finite: dict[str, int]
    smallest: float
    largest: float
    deviation: float
    scaled: bool | None
    record: dict[str, Any]
    captions: int
    example: Path | None

    def to_dict(self) -> dict[str, Any]:
        """All of it, fit for JSON."""
        return {
            **{key: value for key, value in vars(self).items() if key not in ("sizes", "example")},
            "sizes": [{"shape": list(size), "pictures": count} for size, count in self.sizes.items()],
            "example": None if self.example is None else str(self.example),
        }


@dataclass
class _Sums:
    pictures: int = 0
    copies: int = 0
    bytes: int = 0
    not_finite: int = 0
    smallest: float = float("inf")
    largest: float = float("-inf")
    numbers: int = 0
    total: float = 0.0
    squares: float = 0.0


def describe_cache(cache: Cache, *, jobs: int = 1, progress: CaseProgress = unseen) -> CacheInfo:
    """Read a whole cache and say what is in it.

    Args:
        cache: The cache.
        jobs: How many processes.
        progress: Told how many files are read.

    Raises:
        DataError: A file is damaged, or holds something unknown.
    """
    arrays: Counter[str] = Counter()
    sizes: Counter[tuple[int, int, int]] = Counter()
    total, not_finite = _Sums(), {}
    described = run_tasks(partial(_describe, cache), cache.files, Workers(jobs, threads=1))
    for done, (name, (names, shapes, sums)) in enumerate(described, 1):
        arrays.update(names)
        sizes.update(shapes)
        for key in ("pictures", "copies", "bytes", "numbers", "total", "squares"):
            setattr(total, key, getattr(total, key) + getattr(sums, key))
        total.smallest, total.largest = min(total.smallest, sums.smallest), max(total.largest, sums.largest)
        if sums.not_finite:
            not_finite[name.as_posix()] = sums.not_finite
        progress(done, len(cache.files), str(name))
    mean = total.total / max(1, total.numbers)
    captions, example = cache.captions_with_sides()
    return CacheInfo(
        format=cache.format.name,
        trainer=cache.format.trainer,
        files=len(cache.files),
        left=len(cache.left),
        pictures=total.pictures,
        copies=total.copies,
        arrays=dict(sorted(arrays.items())),
        sizes=dict(sorted(sizes.items())),
        bytes=total.bytes,
        not_finite=dict(sorted(not_finite.items())),
        smallest=total.smallest if total.numbers else 0.0,
        largest=total.largest if total.numbers else 0.0,
        deviation=max(0.0, total.squares / max(1, total.numbers) - mean**2) ** 0.5,
        scaled=cache.format.scaled,
        record=cache.record,
        captions=captions,
        example=example,
    )


def _describe(cache: Cache, name: Path) -> tuple[Counter[str], Counter[tuple[int, int, int]], _Sums]:
    names: Counter[str] = Counter()
    sizes: Counter[tuple[int, int, int]] = Counter()
    sums = _Sums()
    with cache.read(name) as (file, layout):
        for key, spec in file.specs.items():
            kind = str(spec.dtype).removeprefix("torch.")
            names[f"{key} {kind}".strip()] += 1
            sums.bytes += spec.bytes
        for codes in layout.codes:
            spec = file.specs[codes.key]
            pictures = codes.pictures(spec)
            sums.pictures += pictures
            sums.copies += pictures * codes.has_copy
            sizes[codes.channels(spec), spec.shape[-2], spec.shape[-1]] += pictures
            for key in (codes.key, codes.copy_key) if codes.has_copy else (codes.key,):
                for start in range(0, spec.shape[0], _ROWS):
                    _add(sums, file.read(key, start, start + _ROWS).double())
    return names, sizes, sums


def _add(sums: _Sums, codes: torch.Tensor) -> None:
    finite = codes[torch.isfinite(codes)]
    sums.not_finite += codes.numel() - finite.numel()
    sums.numbers += finite.numel()
    if finite.numel():
        sums.smallest, sums.largest = min(sums.smallest, float(finite.min())), max(sums.largest, float(finite.max()))
        sums.total += float(finite.sum())
        sums.squares += float(finite.square().sum())
