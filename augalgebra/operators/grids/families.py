"""Families of operators on grids: one local map whose kernel depends on a parameter in closed form.

A member at the parameter a moves the grid as far as a grid can follow, and then adds Σ b_i(a) (K_i * z + c_i). The b_i
vanish where the family does nothing, so that this member is exactly the identity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, Self

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.errors import FitError, MomentsError
from augalgebra.operators.grids.maps import KernelMap
from augalgebra.operators.grids.moves import GridMove
from augalgebra.operators.grids.operator import GridMap
from augalgebra.operators.grids.parameters import ParameterFamily
from augalgebra.operators.grids.patches import RIDGE, PatchMoments
from augalgebra.operators.grids.resampling import NearestMove, ResampledMove, find_nearest_move
from augalgebra.operators.groups.arrays import Array

Kind = Literal["still", "shifted", "resampled"]
"""What members do to the grid: nothing, a cyclic shift with a rest that is no whole position, or an interpolation."""

DEGREES: Mapping[Kind, int] = {"still": 2, "shifted": 3, "resampled": 2}
"""Highest power of a parameter, if there are members enough to tell; more gained nothing on TAEF2."""


@dataclass(frozen=True)
class FittedMember:
    """A member that a family was fitted to.

    Attributes:
        parameters: Its parameters.
        variables: What its kernel depends on: how far they are from doing nothing, or what a shift leaves to do.
        residual: Squared error as a share of the variance of codes.
        plain: The same where no more is done than to move the grid.
        positions: How many positions it was measured on.
    """

    parameters: tuple[float, ...]
    variables: tuple[float, ...]
    residual: float
    plain: float
    positions: int


class FamilyMoments:
    """Moments of patches for some members of a family. Two are merged by adding them.

    Where members shift or resample the grid, only those positions count whose neighbours came along.

    Args:
        catalog: Augmentations and their laws.
        family: The family.
        stride: Pixels for each position.
        channels: Channels of a code.
        side: Of kernels, odd.
    """

    def __init__(self, catalog: Catalog, family: ParameterFamily, stride: int, channels: int, side: int) -> None:
        self.catalog, self.family, self.stride, self.channels, self.side = catalog, family, stride, channels, side
        self._parts: dict[Word, PatchMoments] = {}
        self._moves: dict[Word, NearestMove] = {}

    @property
    def words(self) -> tuple[Word, ...]:
        """The members seen."""
        return tuple(self._parts)

    def add(
        self,
        word: str | Word,
        codes: Float[Tensor, "batch channel height width"],
        target: Float[Tensor, "batch channel height width"],
    ) -> None:
        """Take in codes of pictures and of the same pictures under a member.

        Raises:
            FitError: The word is no member.
            GridMoveError: A grid cannot follow it at all.
            MomentsError: The shapes differ, or something is not finite; nothing has been taken in then.
        """
        canonical = self.catalog.word(word)
        if self.family.parameters(canonical) is None:
            raise FitError(f"{self.catalog.display(canonical)} is no member of {self.family.key}")
        if canonical not in self._moves:
            self._moves[canonical] = find_nearest_move(self.catalog, canonical, self.stride)
        found = self._moves[canonical]
        inside: Bool[Tensor, "height width"] | None = None
        if _kind_of(found) != "still":
            inside = found.is_inside(codes.shape[2], codes.shape[3], max(1, self.side // 2))
        part = PatchMoments(self.channels, self.side)
        part.add(found.move.apply(codes), target, inside)
        self._parts[canonical] = part if canonical not in self._parts else self._parts[canonical] + part

    def __add__(self, other: Self) -> "FamilyMoments":
        """Of both together.

        Raises:
            MomentsError: They are of other families, or of patches of other sizes.
        """
        if (self.family, self.stride) != (other.family, other.stride):
            raise MomentsError("moments of different families cannot be merged")
        merged = FamilyMoments(self.catalog, self.family, self.stride, self.channels, self.side)
        merged._moves = self._moves | other._moves
        merged._parts = dict(self._parts)
        for word, part in other._parts.items():
            merged._parts[word] = merged._parts[word] + part if word in merged._parts else part
        return merged

    def fit(self, *, degree: int | None = None, ridge: float = RIDGE) -> "KernelFamily":
        """The kernels with the least squared error over all members.

        Args:
            degree: Highest power of the parameters; by default 2, or 3 for shifts, or as many as the members can tell
                apart. For shifts that takes nine members, best by quarters of the stride in all directions.
            ridge: Ridge, as a share of the mean square of a patch's entries.

        Raises:
            FitError: There is no member that does anything, they move the grid in different ways, or they are too few.
        """
        kinds = {_kind_of(found) for found in self._moves.values()} - {None}
        names = ", ".join(map(self.catalog.display, self.words))
        if len(kinds) > 1 or None in map(_kind_of, self._moves.values()):
            raise FitError(f"{names} move the grid in different ways; fit those apart that turn or reflect it")
        (kind,) = kinds or {"still"}
        blank = KernelFamily(self.catalog, self.family, self.stride, kind or "still", (), (), _NONE, _NONE)
        rows = np.array([blank.variables(word, self._moves[word]) for word in self.words])
        if not rows.any():
            raise FitError(f"{names or 'no members'} do nothing that a family of kernels could learn from")
        scales = np.abs(rows).max(0)
        chosen = [degree] if degree else range(DEGREES[kind or "still"], 0, -1)
        for most in chosen:
            exponents = _exponents(scales > 0, most)
            basis = _powers(rows / np.where(scales, scales, 1), exponents)
            if np.linalg.matrix_rank(basis, 1e-6) == len(exponents):
                break
        else:
            raise FitError(f"{names} are too few members for powers up to {chosen[-1]} of their parameters")
        kernels, biases = self._solve(basis, ridge)
        fitted = KernelFamily(
            self.catalog, self.family, self.stride, kind or "still", exponents, tuple(scales.tolist()), kernels, biases
        )
        return fitted.measured(self._parts, self._moves)

    def _solve(self, basis: Array, ridge: float) -> tuple[Array, Array]:
        """Least squares for the kernels and biases of all powers at once."""
        parts, powers = list(self._parts.values()), basis.shape[1]
        features = len(parts[0].gram)
        gram, change = np.zeros((powers * features, powers * features)), np.zeros((powers * features, self.channels))
        blocks = [slice(number * features, (number + 1) * features) for number in range(powers)]
        for row, part in zip(basis, parts, strict=True):
            for first, own in zip(blocks, row, strict=True):
                change[first] += own * part.change
                for second, other in zip(blocks, row, strict=True):
                    gram[first, second] += own * other * part.gram
        for block in blocks:
            inner = np.einsum("ii->i", gram[block, block])[:-1]
            inner += ridge * inner.mean()
        solved = np.linalg.solve(gram, change).reshape(powers, features, self.channels)
        shape = (powers, self.channels, self.side, self.side, self.channels)
        return solved[:, :-1].reshape(shape).transpose(0, 4, 1, 2, 3), solved[:, -1]


_NONE = np.zeros(0)


@dataclass(frozen=True, eq=False)
class KernelFamily:
    """A fitted family.

    Attributes:
        catalog: Augmentations, from which moves of the grid are read.
        family: Which augmentations they are.
        stride: Pixels for each position.
        kind: What members do to the grid.
        exponents: The powers of each variable in each b_i.
        scales: What each variable is divided by first.
        kernels: K, ``[i, channel, channel, side, side]``.
        biases: c, ``[i, channel]``.
        members: The members that it was fitted to.
    """

    catalog: Catalog
    family: ParameterFamily
    stride: int
    kind: Kind
    exponents: tuple[tuple[int, ...], ...]
    scales: tuple[float, ...]
    kernels: Array
    biases: Array
    members: tuple[FittedMember, ...] = ()
    _moves: dict[Word, NearestMove] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> str:
        """Text for it, such as ``photometric.brightness(·)``."""
        return self.family.key

    def at(self, *parameters: float) -> KernelMap:
        """The local map at some parameters, to be applied after the move of the grid.

        Raises:
            FitError: There is no such member.
        """
        word = self.family.word(parameters)
        found = self._found(word)
        if found is None:
            raise FitError(f"{self.catalog.display(word)} is no member of {self.key}")
        return self.kernel(self.variables(word, found))

    def member(self, word: Word) -> GridMap | None:
        """The map of a word of one letter; None if it is no member."""
        found = self._found(word)
        if found is None:
            return None
        variables = self.variables(word, found)
        still = isinstance(found.move, GridMove) and found.move.is_identity
        return GridMap(None if still else found.move, self.kernel(variables) if any(variables) else None)

    def remarks(self, word: Word) -> tuple[str, ...]:
        """Why a member should not be trusted as much as others; nothing if it should."""
        found = self._found(word)
        if found is None or not self.members:
            return ()
        seen = np.array([member.variables for member in self.members])
        low, high = np.minimum(seen.min(0), 0), np.maximum(seen.max(0), 0)
        own = np.array(self.variables(word, found))
        if bool(((low <= own + _CLOSE) & (own <= high + _CLOSE)).all()):
            return ()
        if self.kind == "shifted":
            unit, asked = self.stride, ", which leaves a shift by " + " and ".join(map(str, found.rest)) + " pixels,"
            spans = zip(low * unit, high * unit, strict=True)
        else:
            asked = ""
            values = np.array([*(member.parameters for member in self.members), self.family.still])
            spans = zip(values.min(0), values.max(0), strict=True)
        shown = " and ".join(f"{start:g} to {end:g}" for start, end in spans)
        name = self.catalog.display(word)
        return (f"{name}{asked} lies beyond the parameters that {self.key} was fitted to ({shown})",)

    def variables(self, word: Word, found: NearestMove) -> tuple[float, ...]:
        """What the kernel of a member depends on: its parameters, or what a shift leaves to do, in positions."""
        if self.kind == "shifted":
            return found.rest[0] / self.stride, found.rest[1] / self.stride
        return self.family.distances(self.family.parameters(word) or ())

    def kernel(self, variables: Sequence[float]) -> KernelMap:
        """The identity and what the powers of some variables add to it."""
        values = _powers(np.array([variables]) / np.where(self.scales, self.scales, 1), self.exponents)[0]
        weight, bias = np.tensordot(values, self.kernels, 1), values @ self.biases
        side = weight.shape[-1]
        weight[:, :, side // 2, side // 2] += np.eye(len(weight))
        return KernelMap.of_arrays(weight, bias)

    def measured(self, parts: Mapping[Word, PatchMoments], moves: Mapping[Word, NearestMove]) -> "KernelFamily":
        """The same with what it reaches on some members."""
        members = []
        for word, part in parts.items():
            variables = self.variables(word, moves[word])
            plain = KernelMap(torch.eye(part.channels)[..., None, None])
            members.append(
                FittedMember(
                    tuple(map(float, self.family.parameters(word) or ())),
                    variables,
                    part.residual(self.kernel(variables)),
                    part.restricted(1).residual(plain),
                    part.count,
                )
            )
        return KernelFamily(
            self.catalog,
            self.family,
            self.stride,
            self.kind,
            self.exponents,
            self.scales,
            self.kernels,
            self.biases,
            tuple(members),
            dict(moves),
        )

    def _found(self, word: Word) -> NearestMove | None:
        """The move of the grid of a member; None if it is no member."""
        if self.family.parameters(word) is None:
            return None
        if self.kind == "still":  # as all members that it was fitted to
            return _STILL
        if word not in self._moves:
            self._moves[word] = find_nearest_move(self.catalog, word, self.stride)
        found = self._moves[word]
        return found if _kind_of(found) in (self.kind, "still") else None


_CLOSE = 1e-9
_STILL = NearestMove(GridMove(), (0, 0), exact=False)


def _kind_of(found: NearestMove) -> Kind | None:
    """What a member does to the grid; None if it turns, reflects or crops it."""
    if isinstance(found.move, ResampledMove):
        return "resampled"
    axes = found.move.rows, found.move.columns
    if found.move.transpose or any(axis.reverse or axis.length for axis in axes):
        return None
    return "shifted" if any(axis.wraps for axis in axes) else "still"


def _exponents(varying: Sequence[bool], most: int) -> tuple[tuple[int, ...], ...]:
    """Powers of variables whose sum is at least one and at most so much; variables that never vary have none."""
    ranges = [range(most + 1) if varies else range(1) for varies in varying]
    return tuple(
        sorted((item for item in product(*ranges) if 1 <= sum(item) <= most), key=lambda item: (sum(item), item))
    )


def _powers(variables: Array, exponents: Sequence[Sequence[int]]) -> Array:
    """``[member, i]`` from ``[member, variable]``."""
    return np.stack([np.prod(variables ** np.array(powers), axis=1) for powers in exponents], axis=1)
