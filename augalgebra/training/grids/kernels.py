"""Kernels in closed form for everything that operators are fitted to."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.errors import FitError
from augalgebra.operators.grids.families import FamilyMoments, KernelFamily
from augalgebra.operators.grids.maps import KernelMap
from augalgebra.operators.grids.moves import GridMove
from augalgebra.operators.grids.noise import ResidualMoments, ResidualNoise
from augalgebra.operators.grids.operator import GridMap, Move
from augalgebra.operators.grids.parameters import ParameterFamily
from augalgebra.operators.grids.patches import PatchMoments
from augalgebra.operators.grids.resampling import NearestMove
from augalgebra.training.grids.orbits import Orbits

SHARDS = 8
"""Shards of codes on which a map is measured after it was learned."""
NOISE_SHARDS = 24
"""Shards on which it is measured what a map misses: about 100,000 positions at 32×32."""
POSITIONS = 250_000
"""Positions that a kernel is fitted to, if there are as many: about 300 for each weight of an output at 5×5×32."""


@dataclass(frozen=True, eq=False)
class Target:
    """What one operator shall do.

    Attributes:
        word: Its word.
        column: Its number among the views and words of the orbits.
        found: The move of the grid that comes first.
        in_group: Whether it is an element of the group, so that it leads from any view to another.
    """

    word: Word
    column: int
    found: NearestMove
    in_group: bool

    @property
    def move(self) -> Move | None:
        """The move of the grid that comes first; None if there is nothing to move."""
        move = self.found.move
        return None if isinstance(move, GridMove) and move.is_identity else move

    def moved(self, codes: Tensor) -> Tensor:
        """Codes after the move of the grid."""
        return codes if self.move is None else self.move.apply(codes)


@dataclass(frozen=True, eq=False)
class FittedKernel:
    """A kernel with what it reaches on the codes that it was fitted to.

    Attributes:
        map: The kernel.
        residual: Squared error as a share of the variance of codes.
        plain: The same for the move of the grid alone.
        positions: How many positions it was fitted to.
    """

    map: KernelMap
    residual: float
    plain: float
    positions: int


def fit_kernels(
    orbits: Orbits, targets: Sequence[Target], side: int, progress: CaseProgress = unseen
) -> tuple[FittedKernel, ...]:
    """Fit the k×k kernel of each target by least squares.

    Args:
        orbits: Codes.
        targets: What operators shall do.
        side: k.
        progress: Called after each target.
    """
    fitted = []
    for number, target in enumerate(targets):
        moments = gather(orbits, target, side)
        kernel, channels = moments.solve(), orbits.space.channels
        plain = KernelMap(torch.eye(channels)[..., None, None])
        fitted.append(
            FittedKernel(kernel, moments.residual(kernel), moments.restricted(1).residual(plain), moments.count)
        )
        progress(number + 1, len(targets), "kernels fitted")
    return tuple(fitted)


def residual_of(orbits: Orbits, target: Target, grid_map: GridMap) -> float:
    """Squared error of a map on some codes that it was fitted to, as a share of the variance of codes."""
    error = variance = 0.0
    for goal, missed in _missed(orbits, target, grid_map, SHARDS):
        error += float(missed.square().sum())
        variance += float((goal - goal.mean((0, 2, 3), keepdim=True)).square().sum())
    return error / variance


@torch.no_grad()
def _missed(
    orbits: Orbits,
    target: Target,
    grid_map: GridMap,
    shards: int,
    *,
    every: int = 1,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Codes that a map shall answer, and what it misses of them, from each view in turn."""
    for number, shard in enumerate(islice(orbits.shards(), shards)):
        view = number % len(orbits.views) if target.in_group else 0
        goal = shard[::every, orbits.product(view, target.column) if target.in_group else target.column]
        yield goal, goal - grid_map(shard[::every, view])


def measure_noise(orbits: Orbits, target: Target, grid_map: GridMap, side: int) -> ResidualNoise:
    """What a map misses on some codes that it was fitted to, those whose crops kept their colours.

    Args:
        orbits: Codes.
        target: What the map shall do.
        grid_map: The map.
        side: Of the kernel of the noise.
    """
    moments = ResidualMoments(orbits.space.channels, side)
    for _, missed in _missed(orbits, target, grid_map, NOISE_SHARDS, every=2):  # every second one has other colours
        inside = target.found.is_inside(missed.shape[-2], missed.shape[-1], max(1, side // 2))
        moments.add(missed, inside if bool(inside.any()) else None)
    return moments.solve()


def fit_families(
    orbits: Orbits, targets: Sequence[Target], side: int
) -> tuple[tuple[KernelFamily, ...], dict[Word, str]]:
    """Fit a family of kernels wherever at least two targets are members of one.

    Args:
        orbits: Codes.
        targets: What operators shall do.
        side: Of kernels.

    Returns:
        The families; and for members that none can be fitted to why that is so, for each has an operator all the same.
    """
    catalog, space = orbits.catalog, orbits.space
    members: dict[ParameterFamily, list[Target]] = {}
    for target in targets:
        if not target.in_group:
            with suppress(FitError):  # it belongs to none
                members.setdefault(ParameterFamily.of(catalog, target.word), []).append(target)
    fitted: list[KernelFamily] = []
    without: dict[Word, str] = {}
    for family, own in members.items():
        if len(own) > 1:
            moments = FamilyMoments(catalog, family, space.stride, space.channels, side)
            for shard in orbits.shards():
                for target in own:
                    moments.add(target.word, shard[:, 0], shard[:, target.column])
            try:
                fitted.append(moments.fit())
            except FitError as error:
                without |= dict.fromkeys(moments.words, str(error))
    return tuple(fitted), without


def gather(orbits: Orbits, target: Target, side: int) -> PatchMoments:
    """The moments of one target: an element of the group from each view in turn, other words from the original.

    Positions beside a tear do not count: a kernel is the same everywhere, and what it did there would harm all others.
    """
    moments = PatchMoments(orbits.space.channels, side)
    views = len(orbits.views) if target.in_group else 1
    for number, shard in enumerate(orbits.shards()):
        positions = len(orbits) * shard[0, 0, 0].numel()
        wanted = max(1, min(views, POSITIONS // positions))
        for view in {(number * wanted + extra) % views for extra in range(wanted)}:
            goal = orbits.product(view, target.column) if target.in_group else target.column
            inside = target.found.is_inside(shard.shape[-2], shard.shape[-1], max(1, side // 2))
            moments.add(target.moved(shard[:, view]), shard[:, goal], inside if bool(inside.any()) else None)
    return moments
