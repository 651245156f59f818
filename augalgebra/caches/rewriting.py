"""A file of a cache written again with its codes moved, and with all that belongs to them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.caches.arrays import ArrayFile, ArraySpec, Stream, write_arrays
from augalgebra.caches.cache import Cache, naming
from augalgebra.caches.formats.layout import Codes, as_batch, from_batch
from augalgebra.caches.mover import Mover
from augalgebra.errors import DataError

__all__ = ["Target", "rewrite"]

PIECE = 1 << 25
"""Bytes of codes that are held at once."""


@dataclass(frozen=True)
class Target:
    """One of the files that become of a file.

    Attributes:
        word: What its codes are moved by.
        copy: What its second copy is moved by; None if it is to have none.
        only_kept: Whether it has a second copy only where the file had one.
        element: What is added to its name to tell it from others of the same picture; "" if it takes its place.
    """

    word: Word
    copy: Word | None = None
    only_kept: bool = False
    element: str = ""


def rewrite(cache: Cache, name: Path, target: Target, mover: Mover, out: Path) -> tuple[str, str]:
    """Write a file of a cache again, moved.

    Args:
        cache: The cache.
        name: The name of the file in it.
        target: What is to become of it.
        mover: The operators.
        out: The folder to write to.

    Returns:
        The name of the new file in that folder, and its SHA-256.

    Raises:
        DataError: The file is damaged or does not belong to these operators.
        ImageError: Codes in it are not finite, before or after.
        AugalgebraError: It cannot be written.
    """
    with cache.read(name) as (file, layout), naming(file.path):
        placement = mover.placement(target.word)
        streams: dict[str, Stream] = {}
        for codes in layout.codes:
            made = _moved(file, name, codes, target, mover)
            height, width = made[codes.key].spec.shape[-2:]
            streams |= {cache.format.key_for(key, height, width): stream for key, stream in made.items()}
        streams |= {key: _as_it_is(file, key) for key in layout.carried}
        path = cache.format.name_for(name, target.element, transposed=placement.transposed)
        said = cache.format.metadata_for(file, transposed=placement.transposed)
        return path.as_posix(), write_arrays(out / path, streams, said)


def _moved(file: ArrayFile, name: Path, codes: Codes, target: Target, mover: Mover) -> dict[str, Stream]:
    """An array of codes and what belongs to it, by the names in the file."""
    made = {codes.key: _move_codes(file, name, codes, target.word, mover)}
    if target.copy is not None and (codes.has_copy or (codes.copy_key and not target.only_kept)):
        made[codes.copy_key] = _move_codes(file, name, codes, target.copy, mover)
    placement = mover.placement(target.word)
    rows, columns = file.specs[codes.key].shape[-2:]
    if codes.size_key:
        size = file.read(codes.size_key)
        made[codes.size_key] = _whole(size.flip(0) if placement.transposed else size)
    if codes.crop_key:
        crop = file.read(codes.crop_key)
        # a crop may reach beyond the picture, and is then not cut off: where it lay could not be told any more
        made[codes.crop_key] = _whole(
            placement.move_boxes(crop, rows * mover.stride, columns * mover.stride, cut=False) if target.word else crop
        )
    if codes.mask_key:
        mask = file.read(codes.mask_key)
        on_grid = tuple(mask.shape) == (rows, columns)
        if not on_grid and tuple(mask.shape) != (rows * mover.stride, columns * mover.stride):
            raise DataError(
                f"{codes.mask_key} has {mask.shape[0]}×{mask.shape[1]} pixels and the grid {rows}×{columns} positions; "
                f"the stride of these operators is {mover.stride}: the codes belong to another autoencoder"
            )
        made[codes.mask_key] = _whole(placement.move(mask, mover.stride if on_grid else 1).contiguous())
    return made


def _move_codes(file: ArrayFile, name: Path, codes: Codes, word: Word, mover: Mover) -> Stream:
    way = mover.way(word, has_copy=codes.has_copy)
    key = codes.copy_key if way.from_copy else codes.key
    spec = file.specs[key]

    def move(piece: Tensor, generator: torch.Generator | None = None) -> Tensor:
        moved = mover.move(as_batch(piece, codes.axes), way.operator, generator, moments=codes.moments)
        return from_batch(moved, codes.axes)

    shape = move(torch.zeros([1, *spec.shape[1:]] if codes.axes[0] == "n" else spec.shape, dtype=spec.dtype)).shape
    shape = torch.Size([spec.shape[0], *shape[1:]]) if codes.axes[0] == "n" else shape
    source = partial(mover.source_of_noise, name, codes.key, word)
    return Stream(ArraySpec(tuple(shape), spec.dtype), partial(_pieces, file, codes, key, move, source))


def _pieces(
    file: ArrayFile,
    codes: Codes,
    key: str,
    move: Callable[[Tensor, torch.Generator | None], Tensor],
    source: Callable[[], torch.Generator | None],
) -> Iterator[Tensor]:
    spec, generator = file.specs[key], source()
    if codes.axes[0] != "n":
        with naming(key or "the array"):
            yield move(file.read(key), generator)
        return
    rows = max(1, PIECE * spec.shape[0] // spec.bytes)
    for start in range(0, spec.shape[0], rows):
        stop = min(start + rows, spec.shape[0])
        with naming(f"{key or 'the array'}, pictures {start} to {stop - 1}"):
            piece = move(file.read(key, start, stop), generator)
        yield piece


def _as_it_is(file: ArrayFile, key: str) -> Stream:
    spec = file.specs[key]
    if not spec.shape:
        return _whole(file.read(key))
    rows = max(1, PIECE * spec.shape[0] // max(1, spec.bytes))
    starts = range(0, spec.shape[0], rows)
    return Stream(spec, lambda: (file.read(key, start, start + rows) for start in starts))


def _whole(array: Tensor) -> Stream:
    return Stream(ArraySpec(tuple(array.shape), array.dtype), lambda: [array])
