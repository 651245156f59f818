"""Whitened coordinates of several views, in which orthogonal operators lose no generality."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from augalgebra.algebra.words import Word
from augalgebra.errors import MomentsError, RankError
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.moments import ViewMoments
from augalgebra.operators.groups.arrays import Array

RANK_TOLERANCE = 1e-12
"""Variance, relative to the largest, below which a direction counts as empty: the square of float32's precision."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """z ↦ (z - centre) S^-½, with S the mean second moment of views about their common centre.

    Where the views are a closed orbit, M_g = S^-½ mean_h((z_h)ᵀ z_hg) S^-½ has M_e = I and M_{g⁻¹} = M_gᵀ.

    Attributes:
        centre: ``[latent]``.
        root: S^½, ``[latent, latent]``.
        inverse_root: S^-½.
        condition: Largest over smallest eigenvalue of S.
    """

    centre: Array
    root: Array
    inverse_root: Array
    condition: float

    @classmethod
    def of_views(
        cls, moments: ViewMoments, words: Sequence[Word], *, centred: bool = False, ridge: float = 0.0
    ) -> "Whitening":
        """Whiten some views by their mean second moment; see `of_second_moment`.

        Args:
            moments: The encodings.
            words: The views.
            centred: Measure from the mean over all these views; otherwise from the origin, so that operators are
                linear.
            ridge: Added to S, as a fraction of its mean eigenvalue.
        """
        if not words:
            raise MomentsError("there are no views to whiten")
        centre = np.zeros(moments.dim)
        if centred:
            centre = np.mean([moments.mean(word) for word in words], axis=0)
        second = np.mean([moments.about(centre, word, word) for word in words], axis=0)
        return cls.of_second_moment(second, centre, ridge=ridge)

    @classmethod
    def of_second_moment(cls, second: Array, centre: Array, *, ridge: float = 0.0) -> "Whitening":
        """Whiten by a given S.

        Args:
            second: S, ``[latent, latent]``.
            centre: ``[latent]``.
            ridge: Added to S, as a fraction of its mean eigenvalue.

        Raises:
            RankError: S is singular, and there is no ridge to mend it.
        """
        dim = len(second)
        values, vectors = np.linalg.eigh(second + ridge * np.trace(second) / dim * np.eye(dim))
        rank = int((values > RANK_TOLERANCE * max(float(values[-1]), 0.0)).sum())
        if rank < dim:
            raise RankError(
                f"the encodings span only {rank} of {dim} latent directions; encode more images, train with fewer "
                "latent coordinates, or give a ridge such as 1e-6"
            )
        roots = np.sqrt(values)
        return cls(centre, (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T, float(values[-1] / values[0]))

    def cross(self, moments: ViewMoments, pairs: Sequence[tuple[Word, Word]]) -> Array:
        """M of the operator that connects pairs of views, ``[latent, latent]``.

        Raises:
            MomentsError: There is no pair, or a view is missing.
        """
        if not pairs:
            raise MomentsError("no two of the encoded views are connected by this operator")
        mean = np.mean([moments.about(self.centre, first, second) for first, second in pairs], axis=0)
        whitened: Array = self.inverse_root @ mean @ self.inverse_root
        return whitened

    def affine(self, matrix: Array) -> AffineMap:
        """The map on latents that is `matrix` in whitened coordinates: S^-½ Q S^½ about the centre."""
        return AffineMap.around(self.inverse_root @ matrix @ self.root, self.centre)

    def matrix(self, operator: AffineMap) -> Array:
        """Undo `affine`."""
        whitened: Array = self.root @ operator.matrix @ self.inverse_root
        return whitened
