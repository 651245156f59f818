"""How well blocks of a latent space stand for known factors: DCI, MIG, SAP and interventional robustness.

All four were made for single coordinates; a block of several is measured as a whole here. None knows which block should
stand for which factor: they ask how far each factor has a block of its own, and each block a factor of its own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import digamma

from augalgebra.errors import AugalgebraError
from augalgebra.notebooks import render_table
from augalgebra.operators import Array
from augalgebra.plain import PlainData

BINS = 10
"""Bins of equal size for factors that have more values than that; others are taken as classes."""
NEIGHBOURS = 3
"""Neighbours in estimates of mutual information."""
TREES, LEAF = 30, 5
"""Trees of each forest, and the fewest images in a leaf."""
FOLDS = 4
FEWEST = 10 * BINS
"""Images without which nothing can be said."""
_FARTHEST = 0.99  # quantile that stands for the largest deviation, as published
_RIDGES = np.logspace(-3, 3, 7)
_SHRINKAGE = 1e-3
_NOISE = 1e-5

Classes: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Alignment(PlainData):
    """How well blocks of codes stand for factors; each number is 1 at best, and about 0 for codes that know nothing.

    IRS alone is well above 0 for such codes if images are few, since the farthest of a few images lie nearer to their
    mean than the farthest of all: about 0.3 for 100 images, below 0.1 for 1000.

    Attributes:
        disentanglement: Whether a block is important for one factor only (Eastwood and Williams 2018, forests), blocks
            weighted by their importance, times how much is read of the factors. Importances for a factor add up to that
            here, and not to one, since forests give some to large blocks even if they read nothing.
        completeness: Whether one block only is important for a factor, times how much is read of it, mean over factors.
        informativeness: How much of the factors forests read off all blocks together: out-of-bag R², or accuracy beyond
            chance, mean over factors.
        mig: Gap in mutual information between the two blocks that know most of a factor, as a share of its entropy
            (Chen et al. 2018), mean over factors.
        sap: The same gap in what a linear probe reads off a block alone (Kumar et al. 2018).
        irs: How little a block moves when all factors change but the one that it follows most (Suter et al. 2019),
            blocks weighted by how far they move at all, in the units that they are given in.
        information: For each factor and block the mutual information as a share of the factor's entropy.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    mig: float
    sap: float
    irs: float
    information: Mapping[str, Mapping[str, float]]

    def _repr_html_(self) -> str:
        blocks = list(next(iter(self.information.values())))
        rows: list[list[str | float | bool | None]] = [
            [factor, *(known[block] for block in blocks)] for factor, known in self.information.items()
        ]
        return render_table(["mutual information", *blocks], rows)


@dataclass(frozen=True)
class _Factor:
    values: Array
    classes: Classes
    discrete: bool

    @classmethod
    def of(cls, values: Array, *, nominal: bool) -> "_Factor":
        return cls(values, classes_of(values, nominal=nominal), nominal or len(np.unique(values)) <= BINS)


def measure_alignment(
    blocks: Mapping[str, Array], factors: Mapping[str, Array], *, nominal: Collection[str] = (), seed: int = 0
) -> Alignment:
    """Measure how well blocks of codes stand for factors.

    Args:
        blocks: For each block its coordinates, ``[image, coordinate]``.
        factors: For each factor its value for each image. Up to ten different values are taken as classes. Those
            that are the same for all images are left out.
        nominal: Names of factors whose values are classes without an order, however many there are.
        seed: Seed of forests and splits.

    Raises:
        AugalgebraError: There are fewer than two blocks or two factors that vary, too few images, or numbers that are
            not finite.
    """
    given = {name: np.asarray(block, float) for name, block in blocks.items()}
    coordinates = {name: _standard(block) for name, block in given.items()}
    varying = {name: np.asarray(values, float) for name, values in factors.items() if len(np.unique(values)) > 1}
    _check(coordinates, varying)
    known_factors = {name: _Factor.of(values, nominal=name in nominal) for name, values in varying.items()}
    _check_classes(known_factors)
    importance, known = _importances(coordinates, known_factors, seed)
    information = {
        name: {block: _share_of_entropy(codes, factor.classes) for block, codes in coordinates.items()}
        for name, factor in known_factors.items()
    }
    read = [
        [_read_linearly(block, factor, seed) for block in coordinates.values()] for factor in known_factors.values()
    ]
    return Alignment(
        _concentration(importance) / len(known),
        _concentration(importance.T) / len(known),
        float(np.mean(known)),
        float(np.mean([_gap(list(item.values())) for item in information.values()])),
        float(np.mean([_gap(row) for row in read])),
        _robustness(given, known_factors),
        information,
    )


def classes_of(values: Array, *, nominal: bool = False) -> Classes:
    """Values as classes 0, 1, 2, …: as they are if `nominal` or up to ten, else in ten bins of equal size."""
    different, classes = np.unique(values, return_inverse=True)
    if nominal or len(different) <= BINS:
        return classes.astype(np.int64)
    edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    edges = np.unique(edges[edges > different[0]])
    if not len(edges):  # nearly all images share the smallest value, which is a class of its own
        edges = different[1:2]
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def mutual_information(block: Array, classes: Classes) -> float:
    """Mutual information of a continuous block and classes, in nats, by nearest neighbours (Ross 2014).

    Args:
        block: ``[image, coordinate]``.
        classes: The class of each image; images alone in their class are left out.
    """
    from sklearn.neighbors import KDTree

    kept = np.bincount(classes)[classes] > 1
    # codes of few different values tie, and what rounding makes of ties may depend on the view
    noise = _NOISE * block.std(axis=0).max() * np.random.default_rng(0).standard_normal(block.shape)
    block, classes = (block + noise)[kept], classes[kept]
    reach, neighbours, sizes = (np.zeros(len(classes)) for _ in range(3))
    for number in np.unique(classes):
        rows = classes == number
        k = min(NEIGHBOURS, int(rows.sum()) - 1)
        distances, _ = KDTree(block[rows]).query(block[rows], k=k + 1)
        # what lies exactly as far as the last neighbour is left out
        reach[rows], neighbours[rows], sizes[rows] = np.nextafter(distances[:, -1], 0), k, rows.sum()
    within = KDTree(block).query_radius(block, reach, count_only=True)
    means = digamma(len(classes)) + np.mean(digamma(neighbours) - digamma(sizes) - digamma(within))
    return max(0.0, float(means))


def _check(blocks: Mapping[str, Array], factors: Mapping[str, Array]) -> None:
    if len(blocks) < 2 or len(factors) < 2:
        raise AugalgebraError(
            f"{len(blocks)} blocks and {len(factors)} factors that vary say nothing of which stands for which; "
            "give at least 2 of each"
        )
    number = len(next(iter(factors.values())))
    if number < FEWEST or any(len(item) != number for item in (*blocks.values(), *factors.values())):
        raise AugalgebraError(
            f"alignment needs at least {FEWEST} images, with every block and every factor for each of them"
        )
    for name, item in (*blocks.items(), *factors.items()):
        if not np.isfinite(item).all():
            raise AugalgebraError(f"{name} has values that are NaN or infinite")


def _check_classes(factors: Mapping[str, _Factor]) -> None:
    for name, factor in factors.items():
        number = int(factor.classes.max()) + 1
        if number * 2 > len(factor.classes):  # a probe would meet classes that it has never seen
            raise AugalgebraError(
                f"{name} has {number} classes among {len(factor.classes)} images; give at least {2 * number} images"
            )


def _standard(block: Array) -> Array:
    """Coordinates with mean 0, in units of the largest deviation, so that directions within a block keep their size."""
    centred: Array = block - block.mean(axis=0)
    return centred / (centred.std(axis=0).max() or 1.0)


def _beyond_chance(accuracy: float, classes: Classes) -> float:
    chance = float(np.bincount(classes).max() / len(classes))
    return max(0.0, (accuracy - chance) / (1 - chance))


def _importances(blocks: Mapping[str, Array], factors: Mapping[str, _Factor], seed: int) -> tuple[Array, list[float]]:
    """Importances ``[block, factor]`` that add up to how much is read of each factor, and these shares.

    Those of a forest add up to one even where it reads nothing, and then follow the sizes of the blocks.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    codes = np.hstack(list(blocks.values()))
    owners = np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks.values()])
    columns, known = [], []
    for factor in factors.values():
        kind = RandomForestClassifier if factor.discrete else RandomForestRegressor
        target = factor.classes if factor.discrete else factor.values
        forest = kind(TREES, min_samples_leaf=LEAF, max_features=1.0, oob_score=True, random_state=seed)
        forest.fit(codes, target)
        score = float(forest.oob_score_)
        known.append(_beyond_chance(score, factor.classes) if factor.discrete else max(0.0, score))
        columns.append(known[-1] * np.bincount(owners, forest.feature_importances_, len(blocks)))
    return np.stack(columns, axis=1), known


def _concentration(rows: Array) -> float:
    """The sum of all, each row counted as far as it is in one place."""
    return float(sum(row.sum() * (1 - _entropy(row)) for row in rows))


def _entropy(weights: Array) -> float:
    """Of weights, as a share of the largest that so many can have."""
    shares = weights / weights.sum() if weights.sum() else np.full(len(weights), 1 / len(weights))
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum() / np.log(len(weights)))


def _share_of_entropy(block: Array, classes: Classes) -> float:
    shares = np.bincount(classes) / len(classes)
    shares = shares[shares > 0]
    return min(1.0, mutual_information(block, classes) / float(-(shares * np.log(shares)).sum()))


def _gap(scores: list[float]) -> float:
    second, first = sorted(scores)[-2:]
    return first - second


def _read_linearly(block: Array, factor: _Factor, seed: int) -> float:
    """Cross-validated R², or accuracy beyond chance, of a linear probe."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold, cross_val_predict

    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    if factor.discrete:
        probe = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=_SHRINKAGE)
        seen = cross_val_predict(probe, block, factor.classes, cv=folds)
        return _beyond_chance(float((seen == factor.classes).mean()), factor.classes)
    predicted = cross_val_predict(RidgeCV(_RIDGES), block, factor.values, cv=folds)
    return max(0.0, float(1 - ((factor.values - predicted) ** 2).mean() / factor.values.var()))


def _robustness(blocks: Mapping[str, Array], factors: Mapping[str, _Factor]) -> float:
    scores, weights = [], []
    for block in blocks.values():
        farthest = _farthest(block)
        if farthest:
            held = [
                float(np.mean([_farthest(block[factor.classes == number]) for number in np.unique(factor.classes)]))
                for factor in factors.values()
            ]
            scores.append(max(0.0, 1 - min(held) / farthest))
            weights.append(farthest)
    return float(np.average(scores, weights=weights)) if scores else 0.0


def _farthest(block: Array) -> float:
    """How far codes lie from their mean, at most."""
    return float(np.quantile(np.linalg.norm(block - block.mean(axis=0), axis=1), _FARTHEST))
