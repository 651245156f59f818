"""How well groups of codes are told apart, and how much of a quantity can be read off them; all cross-validated."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augalgebra.errors import AugalgebraError
from augalgebra.operators import Array
from augalgebra.plain import PlainData

Integers = npt.NDArray[np.int64]

FOLDS = 5
NEIGHBOURS = 5
_MOST_FOR_SILHOUETTE = 4000  # it looks at all pairs


@dataclass(frozen=True)
class Separation(PlainData):
    """How well groups are told apart.

    Attributes:
        linear: Share that logistic regression puts into the right group, on images it was not fitted on.
        neighbours: The same by the vote of the five nearest codes, for regions with bent walls.
        silhouette: Mean silhouette coefficient (Rousseeuw 1987), from -1 to 1; near 0 the groups lie within each other.
        chance: Share of the largest group.
    """

    linear: float
    neighbours: float
    silhouette: float
    chance: float

    @property
    def best(self) -> float:
        """The better of the two probes."""
        return max(self.linear, self.neighbours)


def separation(codes: Array, groups: Integers, images: Integers | None = None, *, seed: int = 0) -> Separation:
    """Measure how well groups of codes are told apart.

    Args:
        codes: ``[code, latent]``.
        groups: The group of each code.
        images: Which image each code comes from; those of one image are never on both sides of a split. By default
            each comes from one of its own.
        seed: Seed of the splits.

    Raises:
        AugalgebraError: There are fewer than two groups, or too few images to split.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import silhouette_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    counts = np.unique(groups, return_counts=True)[1]
    sources = np.arange(len(codes)) if images is None else images
    if len(counts) < 2 or counts.min() < 2:
        raise AugalgebraError("groups can only be told apart if there are two, with at least two codes each")
    folds = int(min(FOLDS, counts.min(), len(np.unique(sources))))
    if folds < 2:
        raise AugalgebraError("codes of a single image cannot be split for cross-validation; take more images")
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    probes = (LogisticRegression(max_iter=2000), KNeighborsClassifier(min(NEIGHBOURS, len(codes) // 2)))
    linear, neighbours = (
        float(cross_val_score(make_pipeline(StandardScaler(), probe), codes, groups, groups=sources, cv=split).mean())
        for probe in probes
    )
    size = min(len(codes), _MOST_FOR_SILHOUETTE)
    silhouette = float(silhouette_score(codes, groups, sample_size=size, random_state=seed))
    return Separation(linear, neighbours, silhouette, float(counts.max() / counts.sum()))


def readable(codes: Array, values: Array, *, seed: int = 0) -> float:
    """How much of a quantity is a linear function of the codes: cross-validated R² of ridge regression.

    Args:
        codes: ``[code, latent]``.
        values: The quantity for each code.
        seed: Seed of the splits.

    Returns:
        1 if all of it is, 0 if guessing the mean is as good.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 7)))
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    predicted = cross_val_predict(probe, codes, values, cv=folds)
    return float(1 - ((values - predicted) ** 2).mean() / values.var())
