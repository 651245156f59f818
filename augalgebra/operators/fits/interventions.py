"""Operators of what has no inverse: projections, and interventions that set one concept and all that it causes.

An intervention sets some coordinates of a code to constants and recomputes those of its effects from their causes.
Three things are fitted, all in closed form, and whatever they are the laws hold to rounding, since H G = I:

- *readings* G: directions in which a concept is constant once it is set, and which other interventions leave alone
  unless they are its causes (a generalised eigenvalue problem);
- *moves* H: how codes move where a reading changes, H = (Gᵀ D G)⁻¹ Gᵀ D with D the second moment of all moves;
- *mechanisms*: the reading of an effect by least squares from those of its causes, as of a linear structural causal
  model without noise (Pearl 2009, chapter 5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.errors import OrbitError, RankError
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.moments import PairMoments, ViewMoments
from augalgebra.operators.fits.ridge import RIDGE, least_squares
from augalgebra.operators.groups.arrays import Array

KEPT = 0.5
"""Share of its variance from which on a direction does not belong to a concept that was set."""

SPANNED = 1e-9
"""Variance, relative to the largest, up to which codes do not vary in a direction."""


@dataclass(frozen=True, eq=False)
class Interventions:
    """Operators that set concepts, fitted together.

    Attributes:
        maps: The map of each word.
        sizes: How many coordinates each concept has.
        kept: For each concept the largest share of variance that is left in its coordinates once it is set; 0 if it is
            linear in the code.
    """

    maps: Mapping[Word, AffineMap]
    sizes: Mapping[str, int]
    kept: Mapping[str, float]


def fit_interventions(
    words: Sequence[Word], causes: Mapping[str, Sequence[str]], moments: ViewMoments
) -> Interventions:
    """Fit all interventions together.

    Args:
        words: Words of one letter; those of one name set one concept.
        causes: For each concept all that it is caused by, if only by way of others; names of augmentations.
        moments: Encodings of the originals and of the view of each word.

    Raises:
        OrbitError: A view is missing.
        RankError: Codes have too few coordinates to tell the concepts apart.
    """
    concepts: dict[str, list[Word]] = {}
    for word in words:
        concepts.setdefault(word.letters[0].symbol.name, []).append(word)
    missing = [word for word in (IDENTITY, *words) if word not in moments]
    if missing:
        raise OrbitError(
            f"interventions are fitted on the originals and the view of each; encode the view {missing[0]}"
        )
    order = sorted(concepts, key=lambda name: len(causes.get(name, ())))  # causes before effects
    moved = {name: np.mean([_displacement(moments, word) for word in concepts[name]], axis=0) for name in order}
    still = [name for name in order if not np.trace(moved[name]) > 0]
    if still:
        raise RankError(f"{still[0]} moves no code; leave it out, or see whether it changes these images")
    _, pooled = _pooled(moments, [IDENTITY, *words])
    readings, kept = {}, {}
    for name in order:
        others = [moved[other] for other in order if other != name and other not in causes.get(name, ())]
        after = np.mean([moments.covariance(word, word) for word in concepts[name]], axis=0)
        readings[name], kept[name] = _reading(pooled, after, others)
    everything = np.hstack(list(readings.values()))
    if np.linalg.matrix_rank(everything) < everything.shape[1]:
        raise RankError(f"codes of {moments.dim} coordinates do not tell {', '.join(order)} apart; fit fewer of them")
    second = np.sum([item / np.trace(item) for item in moved.values()], axis=0)
    stacked = linalg.solve(everything.T @ second @ everything, everything.T @ second, assume_a="pos")
    ends = np.cumsum([readings[name].shape[1] for name in order])
    moves = dict(zip(order, np.split(stacked, ends[:-1]), strict=True))
    maps = {}
    for name, members in concepts.items():
        effects = [other for other in order if name in causes.get(other, ())]
        rest = [_mechanism(moments, readings, moves[effect], effect, causes[effect], concepts) for effect in effects]
        for word in members:
            G, H = readings[name], moves[name]
            set_ = AffineMap(np.eye(moments.dim) - G @ H, moments.mean(word) @ G @ H)
            maps[word] = AffineMap.product([set_, *rest], moments.dim)
    return Interventions(maps, {name: readings[name].shape[1] for name in order}, kept)


def fit_projection(pairs: PairMoments, ridge: float = RIDGE) -> AffineMap:
    """The idempotent map that least squares comes near: eigenvalues nearer to 1 than to 0 become 1, all others 0.

    P = (I + sign(2 M - I)) / 2 with the matrix sign function (Higham 2008, chapter 5). What is lost is set to its mean.

    Args:
        pairs: Moments of sources and targets.
        ridge: See `least_squares`.
    """
    fitted = least_squares(pairs, ridge).map
    identity = np.eye(fitted.dim)
    projection: Array = (identity + np.real(linalg.signm(2 * fitted.matrix - identity))) / 2
    return AffineMap(projection, pairs.target_centre @ (identity - projection))


def _displacement(moments: ViewMoments, word: Word) -> Array:
    """Second moment of how far a word moves codes, ``[latent, latent]``."""
    apart = moments.mean(word) - moments.mean(IDENTITY)
    cross = moments.covariance(word, IDENTITY)
    both = moments.covariance(word, word) + moments.covariance(IDENTITY, IDENTITY)
    return both - cross - cross.T + np.outer(apart, apart)


def _pooled(moments: ViewMoments, views: Sequence[Word]) -> tuple[Array, Array]:
    """Mean and covariance of the codes of several views together."""
    centre: Array = np.mean([moments.mean(view) for view in views], axis=0)
    return centre, np.mean([moments.about(centre, view, view) for view in views], axis=0)


def _reading(pooled: Array, after: Array, others: Sequence[Array]) -> tuple[Array, float]:
    """Directions that lose their variance, and that others leave alone: ``[latent, coordinate]``."""
    variances, axes = np.linalg.eigh(pooled)
    there = variances > SPANNED * variances[-1]  # what never varies belongs to no concept
    white = axes[:, there] / np.sqrt(variances[there])
    shares, directions = np.linalg.eigh(white.T @ sum(others, start=after) @ white)
    size = max(1, int((shares < KEPT).sum()))
    return white @ directions[:, :size], max(float(shares[size - 1]), 0.0)


def _mechanism(
    moments: ViewMoments,
    readings: Mapping[str, Array],
    move: Array,
    effect: str,
    causes: Sequence[str],
    concepts: Mapping[str, Sequence[Word]],
) -> AffineMap:
    """The map that recomputes an effect from its causes, fitted where nothing else has set it."""
    known = [name for name in causes if name in readings]
    views = [IDENTITY, *(word for name in known for word in concepts[name])]
    centre, second = _pooled(moments, views)
    own, from_ = readings[effect], np.hstack([readings[name] for name in known])
    weights = linalg.lstsq(from_.T @ second @ from_, from_.T @ second @ own)[0]
    rest = own - from_ @ weights
    return AffineMap(np.eye(moments.dim) - rest @ move, centre @ rest @ move)
