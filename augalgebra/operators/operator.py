"""Operators: maps on latents that stand for words, composed lazily; linear, or linear in curved coordinates."""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.errors import AugalgebraError, FitError, NotInvertibleError
from augalgebra.notebooks import render_table
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.charts import Chart, tensors_of
from augalgebra.operators.groups.arrays import Array
from augalgebra.operators.powers import RealPower, real_power

MAX_CONDITION = 1e6
"""Condition above which an inverse is refused: it would blow the rounding of float32 latents up to their own size."""


@dataclass(frozen=True, eq=False)
class Readout:
    """What is applied once after a run of operators that were fitted together.

    Attributes:
        name: What it is stored under.
        map: The map.
    """

    name: str
    map: AffineMap


@dataclass(frozen=True, eq=False)
class Factor:
    """One letter's map in a product.

    Attributes:
        map: The map, without its readout.
        label: The letter, for messages.
        readout: What follows the run of neighbouring factors that share it.
        chart: The coordinates in which it is this map; None for those of the latent space itself.
    """

    map: AffineMap
    label: str
    readout: Readout | None = None
    chart: Chart | None = None

    def inverse(self) -> "Factor":
        """The factor that undoes this one, readout aside.

        Raises:
            NotInvertibleError: The map is singular, or as good as singular.
        """
        values = np.linalg.svd(self.map.matrix, compute_uv=False)
        condition = _condition(values)
        if condition > MAX_CONDITION:
            raise NotInvertibleError(
                f"{self.label} cannot be undone here: its operator has rank {_rank(values)} of {len(values)} and "
                f"condition {condition:.1e}; ask for the pseudo-inverse by name if a least-squares one will do"
            )
        return replace(self, map=self.map.inverse(), label=f"({self.label})^-1")


class OperatorSource(Protocol):
    """Where operators come from that can look up the operator of another word: a registry."""

    def operator(self, word: Word) -> "Operator":
        """The operator of a word, which may be simplified first."""


@dataclass(frozen=True, eq=False)
class Operator:
    """A map on row vectors that stands for a word; ``a @ b`` is a first, then b.

    It is linear, or linear in the coordinates of a chart φ: then it is φ⁻¹(φ(z) L) and has no matrix. A product of
    operators that share a chart goes through it once.

    Nothing is multiplied out before a number is asked for. Products, inverses and whole powers of operators that come
    from one registry are looked up there, where the laws simplify the word first; so ``a @ ~a`` is the identity and
    costs nothing. Where latents are not centred the map has a shift (see `AffineMap`): move latents by `apply`.

    Attributes:
        dim: Number of latent coordinates.
        factors: The maps, in order of application.
        word: The word; None for a power that is not whole.
        label: What to call it.
        source: The registry it came from.
        stale: Why it should not be trusted any more, one line for each reason.
        one_parameter: Whether it belongs to a one-parameter group of real powers; None where no real power was taken.

    Examples:
        >>> half_turn = Operator.of(AffineMap.linear(-np.eye(2)), label="half_turn")
        >>> (half_turn @ half_turn).matrix.tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    dim: int
    factors: tuple[Factor, ...]
    word: Word | None
    label: str
    source: OperatorSource | None = None
    stale: tuple[str, ...] = ()
    one_parameter: bool | None = None
    _tensors: dict[tuple[torch.device, torch.dtype], list[tuple[Chart | None, Tensor, Tensor | None]]] = field(
        default_factory=dict, repr=False
    )

    @classmethod
    def identity(cls, dim: int, source: OperatorSource | None = None) -> "Operator":
        """The operator of the empty word."""
        return cls(dim, (), Word(), "id", source)

    @classmethod
    def of(cls, map: AffineMap, word: Word | None = None, label: str = "") -> "Operator":  # noqa: A002
        """The operator of a single map."""
        label = label or str(word)
        return cls(map.dim, (Factor(map, label),), word, label)

    @cached_property
    def stretches(self) -> tuple[tuple[Chart | None, AffineMap], ...]:
        """All factors, those in the same coordinates multiplied out, each readout once for each run that shares it."""
        maps: list[tuple[Chart | None, AffineMap]] = []
        for readout, run in groupby(self.factors, key=lambda factor: factor.readout):
            maps.extend((factor.chart, factor.map) for factor in run)
            if readout is not None:
                maps.append((None, readout.map))
        return tuple(
            (chart, AffineMap.product((item for _, item in group), self.dim))
            for chart, group in groupby(maps, key=lambda item: item[0])
        )

    @property
    def is_curved(self) -> bool:
        """Whether a flow is part of it, so that it has no matrix."""
        return any(factor.chart is not None for factor in self.factors)

    @cached_property
    def affine(self) -> AffineMap:
        """All factors multiplied out, each readout applied once for each run of factors that share it.

        Raises:
            AugalgebraError: A flow is part of it.
        """
        if self.is_curved:
            raise AugalgebraError(
                f"{self.label} has no matrix: it is linear only in the coordinates of a flow; move codes with apply(), "
                "or fit 'representation' for a matrix"
            )
        return AffineMap.product((item for _, item in self.stretches), self.dim)

    @property
    def arrays(self) -> tuple[Array, ...]:
        """All numbers that it consists of, for digests."""
        found: list[Array] = []
        for chart, item in self.stretches or ((None, AffineMap.linear(np.eye(self.dim))),):
            found += [item.matrix, item.shift, *(() if chart is None else chart.flow.to_arrays().values())]
        return tuple(found)

    def _repr_html_(self) -> str:
        numbers = (None,) * 3 if self.is_curved else (self.rank, self.condition, bool(self.shift.any()))
        row = (self.label, self.dim, *numbers, "; ".join(self.stale))
        return render_table(["operator", "coordinates", "rank", "condition", "shift", "stale"], [row])

    @property
    def matrix(self) -> Array:
        """L, float64 ``[latent, latent]``; z ↦ z @ L + `shift`."""
        return self.affine.matrix

    @property
    def shift(self) -> Array:
        """What is added after the matrix, float64 ``[latent]``; zero for a linear operator."""
        return self.affine.shift

    @property
    def is_identity(self) -> bool:
        """Whether it does nothing at all, because it has no factors."""
        return not self.factors

    @cached_property
    def singular_values(self) -> Array:
        """Of the matrix, largest first."""
        values: Array = np.linalg.svd(self.matrix, compute_uv=False)
        return values

    @property
    def rank(self) -> int:
        """Numerical rank of the matrix."""
        return _rank(self.singular_values)

    @property
    def condition(self) -> float:
        """Largest over smallest singular value; infinite if singular."""
        return _condition(self.singular_values)

    @cached_property
    def spectrum(self) -> npt.NDArray[np.complex128]:
        """The eigenvalues, by modulus (largest first), then by angle."""
        values = np.linalg.eigvals(self.matrix).astype(np.complex128)
        return values[np.lexsort((np.round(np.angle(values), 9), -np.round(np.abs(values), 9)))]

    def apply(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:
        """Move latents.

        Args:
            latents: Row vectors, of any floating type and on any device; computed in that type, there.

        Returns:
            The moved latents; the very same tensor for the identity.

        Raises:
            AugalgebraError: The latents have another dimension.
        """
        if latents.shape[-1] != self.dim:
            raise AugalgebraError(
                f"{self.label} acts on {self.dim} latent coordinates, but these latents have {latents.shape[-1]}; "
                "it belongs to another latent space"
            )
        if self.is_identity:
            return latents
        key = latents.device, latents.dtype
        if key not in self._tensors:
            # ordinary tensors even where inference is on, since they may be met again where gradients are wanted
            with torch.inference_mode(mode=False):
                self._tensors[key] = [_tensors_of(chart, item, *key) for chart, item in self.stretches]
        for chart, matrix, shift in self._tensors[key]:
            if chart is not None and shift is not None:
                latents = chart.move(latents, matrix, shift)
            else:
                moved = latents @ matrix
                latents = moved if shift is None else moved + shift
        return latents

    def __matmul__(self, other: "Operator") -> "Operator":
        """This operator first, then the other.

        Raises:
            AugalgebraError: They act on different numbers of coordinates.
        """
        if not isinstance(other, Operator):
            return NotImplemented
        if self.dim != other.dim:
            raise AugalgebraError(
                f"{self.label} acts on {self.dim} latent coordinates and {other.label} on {other.dim}; "
                "operators of different latent spaces do not compose"
            )
        word = None if self.word is None or other.word is None else self.word * other.word
        if word is not None and self.source is not None and self.source is other.source:
            return self.source.operator(word)
        label = " * ".join(_bracketed(item.label) for item in (self, other))
        return Operator(
            self.dim,
            self.factors + other.factors,
            word,
            label if word is None else str(word),
            stale=tuple(dict.fromkeys(self.stale + other.stale)),
        )

    def __invert__(self) -> "Operator":
        """The operator that undoes this one.

        Raises:
            NotInvertibleError: A law or a measurement says that there is none; the message names it.
        """
        if self.source is not None and self.word is not None:
            return self.source.operator(~self.word)
        factors = tuple(factor.inverse() for factor in reversed(self.factors))
        word = None if self.word is None else ~self.word
        label = f"{_bracketed(self.label)}^-1" if word is None else str(word)
        return replace(self, factors=factors, word=word, label=label, _tensors={})

    def pseudo_inverse(self) -> "Operator":
        """The Moore–Penrose inverse: the shortest least-squares solution, whether or not there is an inverse."""
        inverse = np.linalg.pinv(self.matrix, rcond=1 / MAX_CONDITION)
        label = f"pseudo-inverse of {self.label}"
        operator = Operator.of(AffineMap(inverse, -self.shift @ inverse), None, label)
        return replace(operator, stale=self.stale)

    def __pow__(self, exponent: float) -> "Operator":
        """A power; whole ones are products, others go through the spectrum and take no readout.

        `one_parameter` of a real power says whether (L^s)(L^t) = L^(s+t) for all real s and t.

        Raises:
            NotInvertibleError: The exponent is negative and there is no inverse.
            FitError: There are no real powers.
        """
        if not isinstance(exponent, int | float):
            return NotImplemented
        if not math.isfinite(exponent):
            raise AugalgebraError(f"{self.label} cannot be raised to the power {exponent}")
        if float(exponent).is_integer():
            return self._whole_power(int(exponent))
        power = self.real_power(exponent)
        label = f"{_bracketed(self.label)}^{exponent:g}"
        factor = Factor(power.map, label, chart=self.factors[0].chart if self.factors else None)
        return Operator(self.dim, (factor,), None, label, stale=self.stale, one_parameter=power.one_parameter)

    def real_power(self, exponent: float) -> RealPower:
        """A real power with what is known about it, in its own coordinates.

        See `augalgebra.operators.powers.real_power`.

        Raises:
            NotInvertibleError: The exponent is negative and there is no inverse.
            FitError: There are no real powers, or some factors share no coordinates with the others.
        """
        if len({factor.chart for factor in self.factors}) > 1:
            raise FitError(f"{self.label} has no real powers: its factors are linear in different coordinates")
        return real_power(AffineMap.product((factor.map for factor in self.factors), self.dim), exponent)

    def _whole_power(self, exponent: int) -> "Operator":
        if self.word is not None and self.source is not None:
            return self.source.operator(self.word**exponent)
        base = self if exponent >= 0 else ~self
        word = None if self.word is None else self.word**exponent
        label = f"{_bracketed(self.label)}^{exponent}" if word is None else str(word)
        return replace(base, factors=base.factors * abs(exponent), word=word, label=label, _tensors={})

    def distance(self, other: "Operator") -> float:
        """‖difference‖_F / √d, the measure of composition defects and relation residuals.

        Where a flow is part of either, it is what the unit vectors and the origin go to that differs.
        """
        if not (self.is_curved or other.is_curved):
            return self.affine.distance(other.affine)
        codes = torch.cat([torch.eye(self.dim), torch.zeros(1, self.dim)]).double()
        difference = self.apply(codes) - other.apply(codes)
        difference[:-1] -= difference[-1:].clone()
        return float(torch.linalg.matrix_norm(difference)) / math.sqrt(self.dim)

    def __repr__(self) -> str:
        return f"Operator({self.label!r}, dim={self.dim})"


def _tensors_of(
    chart: Chart | None, item: AffineMap, device: torch.device, dtype: torch.dtype
) -> tuple[Chart | None, Tensor, Tensor | None]:
    if chart is not None:
        return chart, *tensors_of(item, device)
    shift = None if item.is_linear else torch.tensor(item.shift).to(device, dtype)
    return None, torch.tensor(item.matrix).to(device, dtype), shift


def _bracketed(label: str) -> str:
    return f"({label})" if " " in label else label


def _rank(values: Array) -> int:
    return int((values > values[0] * len(values) * np.finfo(np.float32).eps).sum()) if values[0] > 0 else 0


def _condition(values: Array) -> float:
    return float(values[0] / values[-1]) if values[-1] > 0 else float("inf")
