"""Operators for words on a grid latent space: which move, which fit, fitted together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.catalog import Catalog
from augalgebra.errors import FitError
from augalgebra.latent.grids import GridSpace
from augalgebra.operators.fits.choice import largest_group
from augalgebra.operators.grids.channels import ChannelMoments
from augalgebra.operators.grids.noise import ResidualNoise
from augalgebra.operators.grids.operator import GridMap, weights_in
from augalgebra.operators.grids.registry import GridFamilyEntry, GridRegistry
from augalgebra.operators.grids.resampling import find_nearest_move
from augalgebra.operators.groups.finite_group import FiniteGroup
from augalgebra.tasks import Workers
from augalgebra.training.grids.kernels import (
    FittedKernel,
    Target,
    fit_families,
    fit_kernels,
    measure_noise,
    residual_of,
)
from augalgebra.training.grids.networks import train_networks
from augalgebra.training.grids.orbits import Orbits
from augalgebra.training.grids.recolouring import recolour_every_second
from augalgebra.training.grids.settings import NETWORKS, GridSettings
from augalgebra.training.precision import bfloat16_pays
from augalgebra.training.progress import Progress, silent


@dataclass(frozen=True, eq=False)
class GridPlan:
    """What is fitted: a finite group as a whole, and words beside it.

    Attributes:
        group: The group that the exact laws close the augmentations to; None if there is none.
        targets: What each operator shall do, elements of the group first.
    """

    group: FiniteGroup | None
    targets: tuple[Target, ...]


def plan_grid_operators(catalog: Catalog, augmentations: Sequence[str | Word], stride: int) -> GridPlan:
    """Close augmentations to a group as far as the exact laws do, and find the move of the grid of each word.

    Args:
        catalog: Augmentations and their laws.
        augmentations: Words of one letter.
        stride: Pixels for each position.

    Raises:
        FitError: There is none, none that does anything, one is not a single augmentation, or draws its parameters.
    """
    words = [_single(catalog, item) for item in dict.fromkeys(augmentations)]
    if not words:
        raise FitError("name at least one augmentation, such as flip_lr")
    alone = {word: _target(catalog, word, 0, stride, in_group=False) for word in words}
    # what changes values of pixels would double a group that moves of the grid make, and the laws multiply them as well
    members, group = largest_group(catalog, [word for word, target in alone.items() if target.found.exact])
    elements = () if group is None else group.elements
    targets = [_target(catalog, word, number, stride, in_group=True) for number, word in enumerate(elements) if number]
    others = [target for word, target in alone.items() if word not in members]
    first = max(1, len(elements))
    targets += [replace(target, column=first + number) for number, target in enumerate(others)]
    if not targets:
        shown = ", ".join(map(catalog.display, words))
        raise FitError(f"{shown} {'does' if len(words) == 1 else 'do'} nothing by the laws; name others")
    return GridPlan(group, tuple(targets))


def fit_grid_operators(
    space: GridSpace,
    crops: Iterable[UInt8[Tensor, "channel size size"]],
    augmentations: Sequence[str | Word],
    catalog: Catalog,
    settings: GridSettings,
    *,
    into: GridRegistry | None = None,
    workers: Workers | None = None,
    progress: Progress = silent,
    cases: CaseProgress = unseen,
) -> GridRegistry:
    """Fit operators of augmentations, and of all that they generate, on a frozen autoencoder.

    Of several members of a family, such as ``brightness(-0.2)`` and ``brightness(0.2)``, all others follow as well: a
    kernel that depends on the parameter is fitted to those that are named. Where none can be, the details of
    each say why under ``no_family``.

    Args:
        space: The autoencoder.
        crops: Crops to learn from, of one size, in bytes.
        augmentations: The augmentations; parameters have to be given.
        catalog: Augmentations and their laws.
        settings: Fit, time and sizes.
        into: A registry that gets the operators in addition to its own.
        workers: Who encodes the crops; this process by default.
        progress: Called after each step of the networks.
        cases: Called as crops are encoded and kernels fitted.

    Returns:
        The registry. If somebody stopped the networks, it holds what they learned so far.

    Raises:
        FitError: The laws do not allow the fit.
        DataError: There is no crop.
        TrainingError: The networks diverged.

    Examples:
        ::

            registry = fit_grid_operators(space, photographs.draw_crops(280, 256), ["flip_lr"], catalog, GridSettings())
    """
    plan = plan_grid_operators(catalog, augmentations, space.stride)
    if settings.fit == "flow":
        _refuse_flow(plan, catalog)
    registry = into if into is not None else GridRegistry.of(space, catalog)
    bfloat16 = settings.precision == "bfloat16" or (settings.precision == "auto" and bfloat16_pays(space.device))
    others = [target.word for target in plan.targets if not target.in_group]
    with Orbits(space, catalog, plan.group, others) as orbits:
        recoloured = recolour_every_second(crops, settings.seed)
        orbits.encode(recoloured, bfloat16=bfloat16, total=settings.crops, workers=workers, progress=cases)
        details: dict[str, Any] = {"size": settings.size, "crops": len(orbits)}
        is_representation = settings.fit in ("channels", "flow")
        side = 1 if is_representation else settings.kernel
        kernels = fit_kernels(orbits, plan.targets, side, cases)
        if is_representation:
            kernels, own = _represent(orbits, plan, kernels, settings.seed)
            details |= own
        families, without = fit_families(orbits, plan.targets, side)
        maps = [GridMap(target.move, kernel.map) for target, kernel in zip(plan.targets, kernels, strict=True)]
        if settings.fit in NETWORKS:
            maps, outcome = train_networks(
                orbits, plan.targets, [kernel.map for kernel in kernels], settings, bfloat16=bfloat16, progress=progress
            )
            details |= {"steps": outcome.steps, "seconds": round(outcome.seconds, 1), "ended": outcome.ended}
            kernels = tuple(
                replace(kernel, residual=residual_of(orbits, target, item))
                for kernel, target, item in zip(kernels, plan.targets, maps, strict=True)
            )
        details["kernel"] = side
        noises = [
            measure_noise(orbits, target, item, settings.kernel)
            for target, item in zip(plan.targets, maps, strict=True)
        ]
        _keep(registry, plan, kernels, maps, noises, settings, details, without)
    for family in families:
        reached = [member.residual for member in family.members], [member.plain for member in family.members]
        provenance = registry.provenance(
            family.key,
            family.family.word(family.members[0].parameters),
            "kernel",
            images=details["crops"],
            residual=float(np.mean(reached[0])),
            identity_residual=float(np.mean(reached[1])),
            details=details | {"fitted_on": [list(member.parameters) for member in family.members]},
        )
        registry.add(GridFamilyEntry(family, provenance))
    return registry


def _refuse_flow(plan: GridPlan, catalog: Catalog) -> None:
    """Refuse what no flow can follow: what cannot be undone, and what is no element of the group."""
    for target in plan.targets:
        if target.in_group:
            continue
        shown = catalog.display(target.word)
        found = catalog.inverse(target.word)
        if found.kind == "none":
            why = catalog.shorten(found.reason)
            raise FitError(f"a flow undoes all that it moves, and nothing undoes {shown}: {why}; fit 'kernel'")
        raise FitError(
            f"a flow follows a finite group that moves whole positions of the grid, and {shown} belongs to none; "
            "fit it apart, by 'kernel' or 'kernel+residual'"
        )


def _represent(
    orbits: Orbits, plan: GridPlan, kernels: Sequence[FittedKernel], seed: int
) -> tuple[tuple[FittedKernel, ...], dict[str, Any]]:
    """The maps of channels with those of the group replaced by an exact representation."""
    group = plan.group
    if group is None:
        return tuple(kernels), {}
    moves = {target.column: target.move for target in plan.targets if target.in_group}
    moments = ChannelMoments(group, [moves.get(number) for number in range(len(group))], orbits.space.channels)
    for shard in orbits.shards():
        moments.add(shard[:, : len(group)].unbind(1))
    fit = moments.fit(seed=seed)
    exact = [
        FittedKernel(fit.kernels[column], fit.residuals[column].residual, fit.residuals[column].identity, fit.positions)
        for column in (target.column for target in plan.targets if target.in_group)
    ]
    return (*exact, *kernels[len(exact) :]), fit.details


def _keep(
    registry: GridRegistry,
    plan: GridPlan,
    kernels: Sequence[FittedKernel],
    maps: Sequence[GridMap],
    noises: Sequence[ResidualNoise],
    settings: GridSettings,
    details: dict[str, Any],
    without: Mapping[Word, str],
) -> None:
    generators = [] if plan.group is None else [str(word) for word in plan.group.generators]
    for target, kernel, item, noise in zip(plan.targets, kernels, maps, noises, strict=True):
        own = details | {"weights": weights_in([item]), "positions": kernel.positions}
        if target.in_group:
            own["generators"] = generators
        if target.word in without:
            own["no_family"] = without[target.word]
        entry = registry.entry_for(
            GridMap(item.move, item.local, noise, item.chart),
            target.word,
            settings.fit,
            images=details["crops"],
            residual=kernel.residual,
            identity_residual=kernel.plain,
            details=own,
        )
        registry.add(entry)


def _target(catalog: Catalog, word: Word, column: int, stride: int, *, in_group: bool) -> Target:
    return Target(word, column, find_nearest_move(catalog, word, stride), in_group)


def _single(catalog: Catalog, item: str | Word) -> Word:
    word = catalog.word(item)
    shown = catalog.display(word)
    if word.length != 1 or word.letters[0].inverse:
        raise FitError(f"{shown} is no single augmentation; name those it is made of, and products follow from them")
    if any(symbol.variables for symbol in word.symbols):
        raise FitError(f"{shown} draws its parameters for each picture; give them, as in brightness(0.2)")
    return word
