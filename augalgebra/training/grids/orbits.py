"""Codes of crops under every word that an operator is fitted to, on disk, so that memory stays bounded."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.catalog import Catalog
from augalgebra.errors import AugalgebraError, DataError
from augalgebra.images import Array
from augalgebra.latent.grids import GridSpace
from augalgebra.operators.groups.finite_group import FiniteGroup
from augalgebra.tasks import Workers, run_tasks
from augalgebra.training.precision import autocast

SHARD = 8
"""Crops that are encoded at once."""


class Orbits:
    """Crops with their codes under a group and under further words, kept in files that only it knows.

    The views of a crop are the elements of the group. Under a further word there are codes of the original alone.

    Args:
        space: Encodes the views.
        catalog: Applies the words.
        group: The group whose elements are views; None for the original alone.
        words: Further words.

    Attributes:
        space: Encodes the views.
        catalog: Applies the words.
        group: The group whose elements are views.
        views: Its elements, the identity first.
        words: Further words.
    """

    def __init__(self, space: GridSpace, catalog: Catalog, group: FiniteGroup | None, words: Sequence[Word]) -> None:
        self.space, self.catalog, self.group = space, catalog, group
        self.views: tuple[Word, ...] = (IDENTITY,) if group is None else group.elements
        self.words = tuple(words)
        self._folder = tempfile.TemporaryDirectory(prefix="augalgebra-codes-", ignore_cleanup_errors=True)
        self._crops: list[Array] = []
        self._codes: list[Array] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._crops.clear()
        self._codes.clear()
        self._folder.cleanup()

    def __len__(self) -> int:
        return sum(map(len, self._crops))

    def encode(
        self,
        crops: Iterable[UInt8[Tensor, "channel size size"]],
        *,
        bfloat16: bool = False,
        total: int = 0,
        workers: Workers | None = None,
        progress: CaseProgress = unseen,
    ) -> None:
        """Encode crops under all views and words.

        Args:
            crops: The crops, all of one size.
            bfloat16: Whether to compute in bfloat16.
            total: How many there will be, for `progress`.
            workers: Who encodes; this process by default.
            progress: Called after each few crops.

        Raises:
            DataError: There is no crop.
        """
        source = iter(crops)
        shards = (torch.stack(shard) for shard in iter(lambda: list(islice(source, SHARD)), []))
        encode = partial(_encode, self.space, self.catalog, (*self.views, *self.words), bfloat16)
        for pictures, codes in run_tasks(encode, shards, workers, ordered=True):
            self._crops.append(self._kept("crops", pictures.numpy()))
            self._codes.append(self._kept("codes", codes.numpy()))
            progress(len(self), total, "crops encoded")
        if not self._crops:
            raise DataError("there is no crop to fit operators to; the pictures are too few or too small")

    def under(
        self, word: Word, pictures: UInt8[Tensor, "batch channel size size"]
    ) -> Float[Tensor, "batch channel size size"]:
        """Pictures in [0, 1] under a word, where the autoencoder computes."""
        return _under(self.space, self.catalog, word, pictures)

    def crops(self, positions: Sequence[int]) -> UInt8[Tensor, "batch channel size size"]:
        """Some crops."""
        return torch.stack([torch.from_numpy(np.array(self._crops[i][j])) for i, j in self._places(positions)])

    def codes(self, positions: Sequence[int], columns: Sequence[int]) -> Float[Tensor, "batch channel row column"]:
        """For each of some crops the code under one view or word, by its number among both."""
        places = zip(self._places(positions), columns, strict=True)
        return torch.stack([torch.from_numpy(np.array(self._codes[i][j, column])) for (i, j), column in places])

    def shards(self) -> Iterator[Float[Tensor, "crop view channel row column"]]:
        """The codes of all crops, a few at a time."""
        for shard in self._codes:
            yield torch.from_numpy(np.array(shard))

    def product(self, view: int, element: int) -> int:
        """The view that an element of the group takes a view to."""
        return element if self.group is None else int(self.group.table[view, element])

    def undone(self, view: int, element: int) -> int:
        """The view that an element of the group takes to a view."""
        return view if self.group is None else int(self.group.table[view, self.group.inverses[element]])

    def statistics(self) -> tuple[Float[Tensor, " channel"], Float[Tensor, " channel"]]:
        """Mean and standard deviation of each channel."""
        parts = [shard.double() for shard in self.shards()]
        count = sum(part[:, :, 0].numel() for part in parts)
        mean = sum(part.sum((0, 1, 3, 4)) for part in parts) / count
        square = sum(part.square().sum((0, 1, 3, 4)) for part in parts) / count
        return torch.as_tensor(mean).float(), (torch.as_tensor(square) - torch.as_tensor(mean) ** 2).clamp_min(
            1e-12
        ).sqrt().float()

    def _places(self, positions: Sequence[int]) -> Iterator[tuple[int, int]]:
        return (divmod(int(position), SHARD) for position in positions)  # all but the last shard are full

    def _kept(self, name: str, values: Array) -> Array:
        path = Path(self._folder.name) / f"{name}-{len(self._codes)}.npy"
        np.save(path, values, allow_pickle=False)
        read: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        return read


@torch.no_grad()
def _encode(
    space: GridSpace,
    catalog: Catalog,
    words: Sequence[Word],
    bfloat16: bool,
    pictures: UInt8[Tensor, "crop channel size size"],
) -> Float[Tensor, "crop view channel row column"]:
    with autocast(space.device, bfloat16=bfloat16):
        codes = [space.encode(_under(space, catalog, word, pictures)).float().cpu() for word in words]
    # turned, a grid that is no square has another shape: crops are squares
    return torch.stack(codes, 1)


def _under(space: GridSpace, catalog: Catalog, word: Word, pictures: Tensor) -> Tensor:
    moved = catalog.apply(word, pictures.float() / 255) if word else pictures.float() / 255
    if moved.shape[-2:] != pictures.shape[-2:]:
        shown = catalog.display(word)
        raise AugalgebraError(
            f"{shown} makes pictures of {moved.shape[-2]}×{moved.shape[-1]} pixels out of {pictures.shape[-2]}×"
            f"{pictures.shape[-1]}; operators are fitted to what keeps the size"
        )
    return moved.to(space.device)
