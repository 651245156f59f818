"""Means and covariances of the encodings of several views of the same images, streamed over batches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from augalgebra.algebra.words import Word
from augalgebra.errors import MomentsError, RankError
from augalgebra.operators.groups.arrays import Array

CHUNK = 1024
"""Most images that are turned into float64 at once."""

CONSTANT = 1e-12
"""Variance, relative to the mean square of codes, at which they are all the same but for the rounding of float32."""


class ArrayLike(Protocol):
    """A numpy array or a tensor on any device."""

    @property
    def shape(self) -> Sequence[int]:
        """Sizes of the axes."""


class ViewMoments:
    """What every closed-form fit needs to know of the encodings: all moments of first and second order.

    Batches are merged by the update of Chan, Golub and LeVeque (1979), in float64, so that neither the number of
    images nor a mean far from the origin costs precision.

    Attributes:
        words: The word of each view.
        dim: Number of latent coordinates.
        count: Number of images seen.

    Examples:
        >>> moments = ViewMoments([Word()], dim=2)
        >>> moments.add(np.array([[[0.0, 1.0], [2.0, 1.0]]]))
        >>> moments.mean(Word()).tolist(), moments.covariance(Word(), Word()).tolist()
        ([1.0, 1.0], [[1.0, 0.0], [0.0, 0.0]])
    """

    def __init__(self, words: Sequence[Word], dim: int) -> None:
        if not words or dim < 1:
            raise MomentsError("moments need at least one view and one latent coordinate")
        if len(set(words)) < len(words):
            twice = next(str(word) for word in words if list(words).count(word) > 1)
            raise MomentsError(f"the view {twice} is given twice")
        self.words = tuple(words)
        self.dim = dim
        self.count = 0
        self._positions = {word: position for position, word in enumerate(self.words)}
        self._mean = np.zeros(len(self.words) * dim)
        self._scatter = np.zeros((len(self._mean), len(self._mean)))

    def add(self, latents: ArrayLike) -> None:
        """Take in the encodings of further images.

        Args:
            latents: ``[view, batch, latent]``, the views in the order of `words`, image by image the same.

        Raises:
            MomentsError: The shape is another, or something is NaN or infinite; nothing has been taken in then.
        """
        shape = tuple(latents.shape)
        if len(shape) != 3 or (shape[0], shape[2]) != (len(self.words), self.dim):
            raise MomentsError(
                f"expected encodings [view, batch, latent] = [{len(self.words)}, batch, {self.dim}], not {list(shape)}"
            )
        values = to_numpy(latents)
        size = shape[1]
        if not size:
            return
        # a copy, whatever the type and layout: the encodings are the caller's
        rows, ones = np.empty((min(CHUNK, size), len(self._mean))), np.ones(min(CHUNK, size))
        near, total, scatter = self._mean, np.zeros_like(self._mean), np.zeros_like(self._scatter)
        with np.errstate(all="ignore"):
            for start in range(0, size, CHUNK):
                chunk = values[:, start : start + CHUNK].swapaxes(0, 1)
                part = rows[: len(chunk)]
                np.copyto(part.reshape(chunk.shape), chunk)
                if not self.count + start:
                    near = part.mean(axis=0)
                part -= near  # about a point near the mean one pass suffices, and nothing is lost
                total += ones[: len(part)] @ part
                scatter += part.T @ part
            step = total / size
        if not np.isfinite(total).all():
            self._refuse_infinite(values)
        scatter -= np.outer(step, step * size)
        self._include(size, near + step, scatter)

    def _refuse_infinite(self, values: npt.NDArray[np.floating[Any]]) -> None:
        bad = ~np.isfinite(values).all(axis=2)
        if bad.any():
            view = int(bad.any(axis=1).argmax())
            raise MomentsError(
                f"{int(bad[view].sum())} of {values.shape[1]} encodings of the view {self.words[view]} are NaN or "
                "infinite; the encoder has diverged"
            )

    def _include(self, size: int, mean: Array, scatter: Array) -> None:
        total = self.count + size
        step = mean - self._mean
        self._scatter += scatter
        self._scatter += np.outer(step, step * (self.count * size / total))
        self._mean += step * (size / total)
        self.count = total

    def __add__(self, other: Self) -> "ViewMoments":
        """The moments of the images of both.

        Raises:
            MomentsError: They are of other views, or of another number of coordinates.
        """
        if (self.words, self.dim) != (other.words, other.dim):
            raise MomentsError("moments of different views, or of different latent spaces, cannot be merged")
        merged = ViewMoments(self.words, self.dim)
        for part in (self, other):
            if part.count:
                merged._include(part.count, part._mean, part._scatter)
        return merged

    def __contains__(self, word: Word) -> bool:
        return word in self._positions

    def mean(self, word: Word) -> Array:
        """Mean encoding of a view, ``[latent]``.

        Raises:
            MomentsError: There is no such view, or no image yet.
        """
        return self._mean[self._slice(word)].copy()

    def covariance(self, first: Word, second: Word) -> Array:
        """Covariance of two views, ``[latent, latent]``: mean of (z₁ - its mean)ᵀ (z₂ - its mean) over the images.

        Raises:
            MomentsError: There is no such view, or no image yet.
        """
        return self._scatter[self._slice(first), self._slice(second)] / self.count

    def about(self, centre: Array, first: Word, second: Word) -> Array:
        """Mean of (z₁ - centre)ᵀ (z₂ - centre) over the images, ``[latent, latent]``."""
        return self.covariance(first, second) + np.outer(self.mean(first) - centre, self.mean(second) - centre)

    def variance(self, word: Word) -> float:
        """Total variance of a view, summed over the coordinates."""
        return float(np.trace(self.covariance(word, word)))

    def refuse_constant(self, operator: str, views: Iterable[Word]) -> None:
        """Raise `RankError` if all images have one code under a view: then there is nothing to fit an operator to.

        Args:
            operator: What was to be fitted, for the message.
            views: The views that it would be fitted on.
        """
        for view in dict.fromkeys(views):
            mean, variance = self.mean(view), self.variance(view)
            if variance <= CONSTANT * (variance + float(mean @ mean)):
                raise RankError(
                    f"no operator of {operator} can be fitted: "
                    + ("one image is too few; encode more" if self.count == 1 else self._sameness(view))
                )

    def _sameness(self, view: Word) -> str:
        shown = "the original" if not view else str(view)
        return (
            f"all {self.count} images have the same code under {shown}; either they look the same there, and other "
            "pictures are needed, or the latent space has learned nothing: train longer, or with a smaller --kl-weight"
        )

    def _slice(self, word: Word) -> slice:
        if not self.count:
            raise MomentsError("no encodings have been added yet")
        position = self._positions.get(word)
        if position is None:
            views = ", ".join(map(str, self.words))
            raise MomentsError(f"the view {word} was not encoded; there are {views}")
        return slice(position * self.dim, (position + 1) * self.dim)


@dataclass(frozen=True)
class PairMoments:
    """Moments of sources and targets, pooled over the pairs of views that one operator connects.

    Attributes:
        source: Mean of (z - a)ᵀ (z - a), ``[latent, latent]``.
        cross: Mean of (z - a)ᵀ (z' - b), ``[latent, latent]``.
        target: Mean of (z' - b)ᵀ (z' - b), ``[latent, latent]``.
        source_centre: The point a, ``[latent]``.
        target_centre: The point b, ``[latent]``.
        count: Number of images times number of pairs.
    """

    source: Array
    cross: Array
    target: Array
    source_centre: Array
    target_centre: Array
    count: int

    @classmethod
    def pooled(cls, moments: ViewMoments, pairs: Sequence[tuple[Word, Word]], *, centred: bool) -> "PairMoments":
        """Pool pairs of views.

        Args:
            moments: The encodings.
            pairs: Source and target view of each pair.
            centred: Measure from the means of the sources and of the targets, which leaves room for a shift; otherwise
                from the origin.

        Raises:
            MomentsError: There is no pair, or a view is missing.
        """
        if not pairs:
            raise MomentsError("no two of the encoded views are connected by this operator")
        a = b = np.zeros(moments.dim)
        if centred:
            a = np.mean([moments.mean(first) for first, _ in pairs], axis=0)
            b = np.mean([moments.mean(second) for _, second in pairs], axis=0)

        def mean(sides: Sequence[tuple[Word, Word]], left: Array, right: Array) -> Array:
            total = np.zeros((moments.dim, moments.dim))
            for first, second in sides:
                offsets = np.outer(moments.mean(first) - left, moments.mean(second) - right)
                total += moments.covariance(first, second) + offsets
            return total / len(sides)

        return cls(
            source=mean([(first, first) for first, _ in pairs], a, a),
            cross=mean(pairs, a, b),
            target=mean([(second, second) for _, second in pairs], b, b),
            source_centre=a,
            target_centre=b,
            count=moments.count * len(pairs),
        )


def to_numpy(latents: ArrayLike) -> npt.NDArray[np.floating[Any]]:
    """A numpy array of the same values, copied only if it has to be."""
    detach = getattr(latents, "detach", None)
    if detach is not None:  # a tensor; bfloat16 has no counterpart in numpy
        tensor = detach().cpu()
        return np.asarray(tensor if tensor.dtype.itemsize > 2 else tensor.float())
    return np.asarray(latents)
