"""Latent codes in two dimensions, to be looked at."""

import warnings
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from augalgebra.errors import AugalgebraError, nearest
from augalgebra.operators import Array

Method = Literal["direct", "pca", "ica", "tsne"]
"""``direct``: the two coordinates there are. ``pca``: principal components. ``ica``: independent components within the
plane of those (FastICA of Hyvärinen and Oja 2000), as on the slides. ``tsne``: neighbours stay neighbours (van der
Maaten and Hinton 2008), distances mean little."""

METHODS: tuple[Method, ...] = get_args(Method)


def methods_for(dim: int) -> tuple[Method, ...]:
    """What can be done with codes of so many coordinates: two need no projection, one has no plane."""
    if dim <= 2:
        return ("direct",) if dim == 2 else ()
    return ("pca", "ica", "tsne")


def check_method(method: str, dim: int) -> Method:
    """The method, if it makes sense for codes of so many coordinates.

    Raises:
        AugalgebraError: There is no such method, or it does not suit these codes.
    """
    allowed = methods_for(dim)
    for known in METHODS:
        if method == known and known in allowed:
            return known
    if method in METHODS:
        raise AugalgebraError(
            f"codes of {dim} coordinate{'' if dim == 1 else 's'} cannot be shown by {method}; "
            + (f"use {', '.join(allowed)}" if allowed else "a plane needs at least two")
        )
    near = nearest(method, METHODS, 1)
    raise AugalgebraError(
        f"there is no method {method!r}; there are {', '.join(METHODS)}"
        + (f". Did you mean {near[0]}?" if near else "")
    )


def project(method: str, base: Array, others: Sequence[Array] = (), *, seed: int = 0) -> tuple[Array, ...]:
    """Points of the plane for codes.

    All methods but t-SNE are fitted on the first codes alone, so that the others are seen from where those are; t-SNE
    places all of them together.

    Args:
        method: See `Method`.
        base: Codes ``[point, latent]``.
        others: Further codes, to be shown in the same plane.
        seed: Seed of what is random in it.

    Returns:
        Points ``[point, 2]`` of the first codes, then of each of the others.

    Raises:
        AugalgebraError: There is no such method, or it does not suit these codes, or there are too few.
    """
    check_method(method, base.shape[1])
    if method == "direct":
        return (base, *others)
    everything = np.concatenate([base, *others])
    if len(base) < 3:
        raise AugalgebraError(f"{len(base)} codes span no plane; at least 3 are needed")
    points = _neighbours(everything, seed) if method == "tsne" else _components(method, base, seed)(everything)
    ends = np.cumsum([len(base), *map(len, others)])[:-1]
    return tuple(np.split(points, ends))


def _neighbours(codes: Array, seed: int) -> Array:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(codes) - 1) / 3)
    points: Array = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(codes.astype(np.float64))
    return points.astype(np.float64)


def _components(method: str, base: Array, seed: int) -> "_Plane":
    from sklearn.decomposition import PCA, FastICA
    from sklearn.exceptions import ConvergenceWarning

    if method == "pca":
        model = PCA(2, svd_solver="full").fit(base)
    else:
        model = FastICA(2, whiten="unit-variance", max_iter=1000, tol=1e-4, random_state=seed)
        with warnings.catch_warnings():
            # where both directions are as good as normal no rotation is better than another, and any will do
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(base)
    return _Plane(np.asarray(model.components_, dtype=np.float64), np.asarray(model.mean_, dtype=np.float64))


class _Plane:
    """A plane through a point; directions are signed so that the same codes always lie the same way round."""

    def __init__(self, directions: Array, centre: Array) -> None:
        largest = np.abs(directions).argmax(axis=1)
        signs = np.sign(directions[np.arange(len(directions)), largest])
        self._directions, self._centre = directions * signs[:, None], centre

    def __call__(self, codes: Array) -> Array:
        points: Array = (codes - self._centre) @ self._directions.T
        return points
