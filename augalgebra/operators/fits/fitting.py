"""Carrying out a plan: from the moments of views to operators."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from augalgebra.algebra import group_names
from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.catalog import Catalog
from augalgebra.errors import FitError, OrbitError, RankError
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.averaging import average, linear_symmetries
from augalgebra.operators.fits.charts import WIDTH, Chart, Flow, FlowShape
from augalgebra.operators.fits.choice import Plan
from augalgebra.operators.fits.commuting import fit_commuting
from augalgebra.operators.fits.conjugation import STEPS, straighten
from augalgebra.operators.fits.gradient_descent import BATCH, EPOCHS, fit_by_descent
from augalgebra.operators.fits.interventions import fit_interventions, fit_projection
from augalgebra.operators.fits.moments import ArrayLike, PairMoments, ViewMoments, to_numpy
from augalgebra.operators.fits.orbits import GroupOrbit, Pairs, pair_views
from augalgebra.operators.fits.orthogonal import involution, period, procrustes
from augalgebra.operators.fits.ridge import RIDGE, least_squares
from augalgebra.operators.fits.whitening import Whitening
from augalgebra.operators.groups.arrays import Array
from augalgebra.operators.groups.finite_group import FiniteGroup
from augalgebra.operators.groups.nearest import nearest_representation, readout
from augalgebra.operators.groups.representation import build_representation
from augalgebra.seeds import check_seed


@dataclass(frozen=True)
class FitOptions:
    """What can be set about fits.

    Attributes:
        seed: Seed of random starts, and of the published descent.
        ridge: Added to the second moment, as a fraction of its mean eigenvalue. By default 1e-6 for least squares, and
            nothing for whitening, which refuses latents that do not span the space.
        centred: Measure latents from the mean of the views. Operators then have a shift (and a common point that stays
            where it is); otherwise they are strictly linear.
        pairs: ``orbit`` fits all pairs of views that an operator connects; ``original`` only (original, augmented), as
            published.
        readout: Give an exact representation that the laws chose a readout as well. It pays on encoders that were not
            trained around operators, whose views are not quite linear images of each other.
        weight: Weight of the involution term of the published descent.
        epochs: Passes of the published descent.
        batch: Batch size of the published descent.
        steps: Steps in which a flow learns on codes, at most.
        width: Units in each hidden layer of a flow.

    Raises:
        AugalgebraError: A value is impossible.
    """

    seed: int = 0
    ridge: float | None = None
    centred: bool = True
    pairs: Literal["orbit", "original"] = "orbit"
    readout: bool = False
    weight: float = 1.0
    epochs: int = EPOCHS
    batch: int = BATCH
    steps: int = STEPS
    width: int = WIDTH

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.ridge is not None and not 0 <= self.ridge < math.inf:
            raise FitError(f"ridge is a finite number of at least 0, not {self.ridge}")
        for name in ("epochs", "batch", "steps", "width"):
            if getattr(self, name) < 1:
                raise FitError(f"{name} must be at least 1, not {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class FitResult:
    """Operators that were fitted together.

    Attributes:
        fit: The name of the fit.
        maps: The map of each operator, readout aside.
        pairs: For each of them the pairs of views that it was fitted on.
        readout: What is to be applied once after them, if anything.
        details: For each of them what else there is to know, fit for JSON.
        chart: The coordinates in which the maps are meant, if not those of the latent space.
    """

    fit: str
    maps: Mapping[Word, AffineMap]
    pairs: Mapping[Word, Pairs]
    readout: AffineMap | None = None
    details: Mapping[Word, Mapping[str, Any]] = field(default_factory=dict)
    chart: Chart | None = None


@dataclass(frozen=True, eq=False)
class KnownGroup:
    """Exact operators that are there already, and that new ones shall go together with.

    Attributes:
        group: The group.
        maps: The map of each element.
    """

    group: FiniteGroup
    maps: tuple[AffineMap, ...]

    def centre(self, point: Array) -> Array:
        """The fixed point nearest to a point: its mean over the group."""
        mean: Array = np.mean([operator(point) for operator in self.maps], axis=0)
        return mean

    @property
    def matrices(self) -> Array:
        """The linear parts, ``[n, d, d]``."""
        return np.stack([operator.matrix for operator in self.maps])


def fit_plan(
    plan: Plan,
    moments: ViewMoments,
    catalog: Catalog,
    options: FitOptions | None = None,
    *,
    known: KnownGroup | None = None,
    samples: ArrayLike | None = None,
) -> FitResult:
    """Fit the operators of a plan.

    Args:
        plan: What to fit, and how.
        moments: Encodings of the views.
        catalog: Knows the laws.
        options: Settings.
        known: Exact operators with which the new ones shall fulfil all linear laws.
        samples: Encodings themselves, ``[view, image, latent]`` in the order of the moments; only ``published`` and
            ``flow`` need them.

    Raises:
        MomentsError: The views do not suffice, do not span the latent space, or have one code for all images.
        FitError: One that learns from encodings was asked for without them.
    """
    options = options or FitOptions()
    system = catalog.system(*moments.words, *plan.operators)
    for word in plan.operators:
        views = (view for pair in pair_views(moments.words, system, word) for view in pair)
        moments.refuse_constant(catalog.display(word), views)
    try:
        if plan.group is not None:
            return _representation(plan, plan.group, moments, catalog, options, samples)
        pairs = {word: _pairs(moments, system, word, options) for word in plan.operators}
        if plan.fit == "published":
            return _published(plan, moments, pairs, options, samples)
        if plan.fit == "intervention":
            return _interventions(plan, moments, pairs)
        if plan.fit == "projection":
            ridge = RIDGE if options.ridge is None else options.ridge
            pooled = {word: PairMoments.pooled(moments, pairs[word], centred=True) for word in plan.operators}
            return FitResult(plan.fit, {word: fit_projection(item, ridge) for word, item in pooled.items()}, pairs)
        if plan.fit == "ridge":
            return _ridge(plan, moments, pairs, options, system, known)
        return _orthogonal(plan, moments, pairs, options, system, known)
    except RankError as error:
        names = ", ".join(map(catalog.display, plan.operators))
        raise RankError(f"no operator of {names} can be fitted: {error}") from error


def _pairs(moments: ViewMoments, system: RewritingSystem, word: Word, options: FitOptions) -> Pairs:
    found = pair_views(moments.words, system, word)
    if options.pairs == "original":
        found = [pair for pair in found if pair[0] == IDENTITY]
    if not found:
        views = ", ".join(map(str, moments.words))
        raise OrbitError(f"no two of the views {views} are connected by {word}; encode the view {word} too")
    return found


def _representation(
    plan: Plan,
    group: FiniteGroup,
    moments: ViewMoments,
    catalog: Catalog,
    options: FitOptions,
    samples: ArrayLike | None,
) -> FitResult:
    system = catalog.system(*moments.words, *plan.operators)
    orbit = GroupOrbit.of(moments, group, system, centred=options.centred, ridge=options.ridge or 0.0, partial=True)
    # nearly every image differs from all its views, and codes of such orbits have each irreducible representation as
    # often as the regular representation has it; what is linearly nearest may do nothing instead of bending
    evenly = build_representation(group, moments.dim).multiplicities if plan.fit == "flow" else None
    fit = nearest_representation(orbit.operators, group, seed=options.seed, multiplicities=evenly)
    maps = {
        word: orbit.whitening.affine(fit.representation.matrices[number]) for word, number in group.generators.items()
    }
    details: dict[str, Any] = {
        "group": group_names.identify(group.table),
        "order": len(group),
        "generators": [str(word) for word in group.generators],
        "multiplicities": list(fit.representation.multiplicities),
        # of views that are not closed, only as much can agree as was measured
        "agreement": fit.agreement * orbit.operators[:, 0].size / float(np.trace(orbit.sources.sum(axis=0))),
        "whitening_condition": orbit.whitening.condition,
        "missing_views": [str(word) for word in orbit.missing],
    }
    pairs = {word: pair_views(moments.words, system, word) for word in maps}
    if plan.fit == "flow":
        flow = Flow(FlowShape(moments.dim, width=options.width), seed=options.seed)
        flow.start(orbit.whitening.inverse_root @ fit.basis, orbit.whitening.centre)
        matrices = fit.basis.T @ fit.representation.matrices @ fit.basis
        moves = [
            (number, moments.words.index(source), moments.words.index(target))
            for number, element in enumerate(group.elements)
            for source, target in (pair_views(moments.words, system, element) if number else ())
        ]
        codes = torch.from_numpy(_checked(samples, moments, "flow")).float()
        details["steps on codes"] = straighten(flow, matrices, codes, moves, steps=options.steps, seed=options.seed)
        maps = {word: AffineMap.linear(matrices[number]) for word, number in group.generators.items()}
        chart = Chart(f"flow({', '.join(map(str, maps))})", flow)
        return FitResult(plan.fit, maps, pairs, details=dict.fromkeys(maps, details), chart=chart)
    last = None
    if plan.fit == "representation+readout":
        K = readout(orbit.operators, orbit.sources, orbit.weights, fit.representation)
        last = orbit.whitening.affine(K)
    return FitResult(plan.fit, maps, pairs, last, dict.fromkeys(maps, details))


def _ridge(
    plan: Plan,
    moments: ViewMoments,
    pairs: Mapping[Word, Pairs],
    options: FitOptions,
    system: RewritingSystem,
    known: KnownGroup | None,
) -> FitResult:
    ridge = RIDGE if options.ridge is None else options.ridge
    maps: dict[Word, AffineMap] = {}
    details: dict[Word, dict[str, Any]] = {}
    for word, connections in pairs.items():
        fit = least_squares(PairMoments.pooled(moments, connections, centred=options.centred), ridge)
        maps[word] = fit.map
        details[word] = {
            "ridge": ridge,
            "source_rank": fit.source_rank,
            "source_condition": fit.source_condition,
        }
        if known is not None:
            symmetries = linear_symmetries(system, word, known.group)
            lifted = np.stack([operator.homogeneous for operator in known.maps])
            maps[word] = AffineMap.from_homogeneous(average(fit.map.homogeneous, symmetries, lifted))
            details[word]["symmetries"] = len(symmetries)
    return FitResult(plan.fit, maps, pairs, details=details)


def _interventions(plan: Plan, moments: ViewMoments, pairs: Mapping[Word, Pairs]) -> FitResult:
    fit = fit_interventions(plan.operators, plan.causes, moments)
    details = {}
    for word in plan.operators:
        name = word.symbols[0].name
        details[word] = {
            "coordinates": fit.sizes[name],
            "variance_left": fit.kept[name],
            "causes": list(plan.causes.get(name, ())),
        }
    return FitResult(plan.fit, fit.maps, pairs, details=details)


def _orthogonal(
    plan: Plan,
    moments: ViewMoments,
    pairs: Mapping[Word, Pairs],
    options: FitOptions,
    system: RewritingSystem,
    known: KnownGroup | None,
) -> FitResult:
    views = list(dict.fromkeys(view for connections in pairs.values() for pair in connections for view in pair))
    whitening = _whitening(moments, views, options, known)
    crosses = []
    details: dict[Word, dict[str, Any]] = {}
    for number, (word, connections) in enumerate(pairs.items()):
        cross = whitening.cross(moments, connections)
        details[word] = {"whitening_condition": whitening.condition}
        if plan.periods:
            details[word]["period"] = plan.periods[number]
        if known is not None:
            symmetries = linear_symmetries(system, word, known.group)
            cross = average(cross, symmetries, whitening.root @ known.matrices @ whitening.inverse_root)
            details[word]["symmetries"] = len(symmetries)
        crosses.append(cross)
    maps = map(whitening.affine, _rounded(plan, crosses, options.seed))
    return FitResult(plan.fit, dict(zip(pairs, maps, strict=True)), pairs, details=details)


def _rounded(plan: Plan, crosses: Sequence[Array], seed: int) -> Sequence[Array]:
    single: dict[str, Callable[[Array, int | None], Array]] = {
        "procrustes": lambda cross, _: procrustes(cross),
        "involution": lambda cross, _: involution(cross),
        "period": lambda cross, order: period(cross, order or 1),
    }
    periods = plan.periods or (None,) * len(crosses)
    if plan.fit == "commuting":
        return fit_commuting(crosses, periods, seed=seed)
    return [single[plan.fit](cross, order) for cross, order in zip(crosses, periods, strict=True)]


def _whitening(moments: ViewMoments, views: Sequence[Word], options: FitOptions, known: KnownGroup | None) -> Whitening:
    """Coordinates in which the known operators are orthogonal too, if there are any."""
    ridge = options.ridge or 0.0
    if known is None:
        return Whitening.of_views(moments, views, centred=options.centred, ridge=ridge)
    centre = known.centre(np.mean([moments.mean(view) for view in views], axis=0))
    if not options.centred:
        centre = np.zeros(moments.dim)
    second = np.mean([moments.about(centre, view, view) for view in views], axis=0)
    carried = np.mean([matrix.T @ second @ matrix for matrix in known.matrices], axis=0)
    return Whitening.of_second_moment(carried, centre, ridge=ridge)


def _checked(samples: ArrayLike | None, moments: ViewMoments, fit: str) -> npt.NDArray[np.floating[Any]]:
    """The encodings themselves, for fits that moments do not suffice for."""
    if samples is None:
        raise FitError(
            f"the {fit} fit descends on the encodings themselves, not on their moments; "
            "pass them as samples=[view, image, latent]"
        )
    values = to_numpy(samples)
    if values.ndim != 3 or tuple(values.shape) != (len(moments.words), values.shape[1], moments.dim):
        raise FitError(
            f"expected samples [view, image, latent] of {len(moments.words)} views and {moments.dim} coordinates, "
            f"not {list(values.shape)}"
        )
    return values


def _published(
    plan: Plan,
    moments: ViewMoments,
    pairs: Mapping[Word, Pairs],
    options: FitOptions,
    samples: ArrayLike | None,
) -> FitResult:
    values = _checked(samples, moments, plan.fit)
    maps: dict[Word, AffineMap] = {}
    used: dict[Word, Pairs] = {}
    for number, (word, connections) in enumerate(pairs.items()):
        used[word] = [pair for pair in connections if pair[0] == IDENTITY]
        if not used[word]:
            raise OrbitError(f"the published fit of {word} needs the views id and {word}; encode them")
        source, target = (values[moments.words.index(view)] for view in used[word][0])
        matrix = fit_by_descent(
            source,
            target,
            weight=options.weight,
            epochs=options.epochs,
            batch=options.batch,
            seed=options.seed + number,
        )
        maps[word] = AffineMap.linear(matrix)
    details = {"weight": options.weight, "epochs": options.epochs, "batch": options.batch}
    return FitResult(plan.fit, maps, used, details=dict.fromkeys(maps, details))
