"""Families of operators with one parameter, in latent coordinates."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import linalg

from augalgebra.algebra import expressions
from augalgebra.algebra.expressions import Expression, Value
from augalgebra.algebra.laws import Law
from augalgebra.algebra.words import Symbol, Word
from augalgebra.errors import FitError, MomentsError
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.moments import ViewMoments
from augalgebra.operators.fits.one_parameter import (
    Sample,
    free_generator,
    highest_frequency,
    logarithmic_start,
    orthogonal_generator,
)
from augalgebra.operators.fits.whitening import Whitening
from augalgebra.operators.groups.arrays import Array

Scale = Literal["additive", "multiplicative"]

NEAR_LIMIT = 0.9
"""Fraction of the highest frequency that can be told from smaller ones, beyond which noise may decide."""


@dataclass(frozen=True)
class Family:
    """Symbols that differ in one parameter, with how the parameters combine: f(a) f(b) = f(a + b), or f(a b).

    Attributes:
        symbol: The member whose parameter is zero, or one if parameters multiply.
        position: Which argument varies.
        scale: How parameters combine.
    """

    symbol: Symbol
    position: int
    scale: Scale

    @property
    def key(self) -> str:
        """Text for it: the member with a dot for the parameter that varies, such as ``affine.rotate(·, 0)``."""
        arguments = [
            "·" if place == self.position else expressions.value_text(argument)
            for place, argument in enumerate(self.symbol.args)
        ]
        return f"{self.symbol.name}({', '.join(arguments)})"

    def parameter(self, symbol: Symbol) -> float | None:
        """The number by which A is multiplied for a member (0 for the identity); None if it is no member."""
        if symbol.name != self.symbol.name or len(symbol.args) != len(self.symbol.args):
            return None
        others = zip(symbol.args, self.symbol.args, strict=True)
        if any(mine != own for place, (mine, own) in enumerate(others) if place != self.position):
            return None
        value = symbol.args[self.position]
        if not isinstance(value, Fraction):
            return None
        if self.scale == "additive":
            return float(value)
        return math.log(value) if value > 0 else None


def find_family(laws: Iterable[Law], symbol: Symbol) -> Family:
    """The family that a symbol belongs to, by a law f(a) * f(b) = f(a + b) or f(a b).

    Args:
        laws: All laws, names resolved.
        symbol: A member.

    Raises:
        FitError: No law makes it a one-parameter family.
    """
    for law in laws:
        found = _parameter_of(law, symbol)
        if found is not None:
            position, scale = found
            neutral = Fraction(0 if scale == "additive" else 1)
            args = (*symbol.args[:position], neutral, *symbol.args[position + 1 :])
            return Family(Symbol(symbol.name, args), position, scale)
    raise FitError(
        f"no law makes {symbol.name} a one-parameter family; declare additive= or multiplicative=, "
        "or fit an operator for each parameter"
    )


def _parameter_of(law: Law, symbol: Symbol) -> tuple[int, Scale] | None:
    if not law.counts or not law.is_equation or len(law.lhs) != 2 or len(law.rhs) != 1:
        return None
    (first, _), (second, _), (product, _) = (*law.lhs.letters, *law.rhs.letters)
    if {first.name, second.name, product.name} != {symbol.name} or len(first.args) != len(symbol.args):
        return None
    varying = [i for i, pair in enumerate(zip(first.args, second.args, strict=True)) if pair[0] != pair[1]]
    if len(varying) != 1:
        return None
    (place,) = varying
    a, b, c = (item.args[place] for item in (first, second, product))
    rest = zip(first.args, product.args, symbol.args, strict=True)
    if any(not _fits(mine, own, asked) for i, (mine, own, asked) in enumerate(rest) if i != place):
        return None
    if not (isinstance(a, Expression) and isinstance(b, Expression)):
        return None
    if c == a + b:
        return place, "additive"
    return (place, "multiplicative") if c == a * b else None


def _fits(mine: Value, own: Value, asked: Value) -> bool:
    """Whether an argument that the law keeps the same on both sides speaks of the value that was asked for."""
    return mine == own and (mine == asked or expressions.as_variable(mine) is not None)


@dataclass(frozen=True, eq=False)
class FamilyOperator:
    """The maps exp(θ A) of latents with a one appended, A = [[generator, 0], [drift, 0]].

    Attributes:
        generator: ``[latent, latent]``.
        drift: ``[latent]``; zero for linear maps.
    """

    generator: Array
    drift: Array

    def __call__(self, parameter: float) -> AffineMap:
        """The map at θ."""
        if not self.drift.any():
            return AffineMap.linear(linalg.expm(parameter * self.generator))
        return AffineMap.from_homogeneous(linalg.expm(parameter * _lifted(self.generator, self.drift, 0.0)))


def _lifted(matrix: Array, row: Array, corner: float, column: Array | None = None) -> Array:
    """[[matrix, column], [row, corner]]."""
    right = np.zeros(len(matrix)) if column is None else column
    lifted: Array = np.block([[matrix, right[:, None]], [row[None], np.full((1, 1), corner)]])
    return lifted


@dataclass(frozen=True, eq=False)
class FamilyFit:
    """A fitted family.

    Attributes:
        operator: The family.
        parameters: The θ it was fitted on, differences between views included.
        limit: The largest frequency that these θ can tell from smaller ones.
        highest: The largest frequency found, in radians for each unit of θ.
        pairs: The pairs of views, with the θ that leads from the one to the other.
    """

    operator: FamilyOperator
    parameters: tuple[float, ...]
    limit: float
    highest: float
    pairs: tuple[tuple[float, Word, Word], ...]

    @property
    def ambiguous(self) -> bool:
        """Whether some plane turns so fast that it may be mistaken for another; θ closer together would tell."""
        return self.highest > NEAR_LIMIT * self.limit


def fit_family(
    moments: ViewMoments,
    family: Family,
    *,
    invertible: bool = True,
    refine: bool = True,
    period: float | None = None,
    centred: bool = True,
    ridge: float = 0.0,
    seed: int = 0,
) -> FamilyFit:
    """Fit one generator A to all members of a family among the views.

    Every two views that differ only in the last parameter say something about the difference; differences beyond the
    largest parameter are left out, and where members cannot be undone, those that lead to a smaller one.

    Args:
        moments: Encodings of the views; the original counts as the member that does nothing.
        family: The family.
        invertible: Whether members are undone by members. Then A starts skew in whitened coordinates, otherwise (a blur
            forgets) from a logarithm.
        refine: Whether A then descends to least squares. Some parameters of an orbit are no closed orbit, so that
            whitening is not quite right, and on rotated digits this saves 5 to 30 % of the error, at parameters that
            were not fitted too. Without, an invertible family stays exactly orthogonal.
        period: The parameter at which an invertible family returns to the identity, to make that exact; no refinement
            then.
        centred: Measure latents from the mean of the views.
        ridge: Added to the second moment, as a fraction of its mean eigenvalue.
        seed: Seed of random starts.

    Raises:
        MomentsError: No two views differ by a parameter, or the encodings do not span the latent space, or are the same
            for all images.
    """
    pairs = [pair for pair in _differences(moments.words, family) if invertible or pair[0] > 0]
    if not pairs:
        raise MomentsError(
            f"no two views differ by the parameter of {family.key}; encode the originals and some members of the family"
        )
    views = list(dict.fromkeys(view for _, *pair in pairs for view in pair))
    moments.refuse_constant(family.key, views)
    whitening = Whitening.of_views(moments, views, centred=centred, ridge=ridge)
    by_parameter: dict[float, list[tuple[Word, Word]]] = {}
    for parameter, source, target in pairs:
        by_parameter.setdefault(parameter, []).append((source, target))
    samples, lifted = _samples(moments, whitening, by_parameter)
    A = orthogonal_generator(samples, period=period, seed=seed) if invertible else logarithmic_start(samples)
    A = _lifted(A, np.zeros(len(A)), 0.0)
    if not invertible or (refine and period is None):
        A = free_generator(lifted, A, _affine_entries(len(A), shifted=centred))
    generator = whitening.inverse_root @ A[:-1, :-1] @ whitening.root
    drift = A[-1, :-1] @ whitening.root - whitening.centre @ generator
    parameters = tuple(sorted(by_parameter))
    return FamilyFit(
        FamilyOperator(generator, drift),
        parameters,
        highest_frequency(np.array(parameters)),
        float(np.abs(np.linalg.eigvals(generator).imag).max(initial=0.0)),
        tuple(pairs),
    )


def _samples(
    moments: ViewMoments, whitening: Whitening, by_parameter: Mapping[float, Sequence[tuple[Word, Word]]]
) -> tuple[list[Sample], list[Sample]]:
    """What was measured at each parameter in whitened coordinates, and the same with a one appended to all latents."""
    plain, lifted = [], []
    for parameter, pairs in sorted(by_parameter.items()):
        weight = float(len(pairs))
        source = whitening.cross(moments, [(first, first) for first, _ in pairs])
        cross = whitening.cross(moments, pairs)
        before, after = (
            np.mean([moments.mean(pair[side]) - whitening.centre for pair in pairs], axis=0) @ whitening.inverse_root
            for side in (0, 1)
        )
        plain.append(Sample(parameter, source, cross, weight))
        lifted.append(
            Sample(parameter, _lifted(source, before, 1.0, before), _lifted(cross, after, 1.0, before), weight)
        )
    return plain, lifted


def _affine_entries(size: int, *, shifted: bool) -> npt.NDArray[np.bool_]:
    """The entries of A that are not zero for all affine maps, or for linear ones."""
    entries = np.ones((size, size), dtype=bool)
    entries[:, -1] = False
    entries[-1] &= shifted
    return entries


def _differences(views: Sequence[Word], family: Family) -> list[tuple[float, Word, Word]]:
    members: dict[Word, list[tuple[float, Word]]] = {}
    for view in views:
        prefix, parameter = _split(view, family)
        members.setdefault(prefix, []).append((parameter, view))
    largest = max(abs(parameter) for group in members.values() for parameter, _ in group)
    # parameters were typed as decimals: their differences shall meet again where they are equal
    return [
        (difference, source, target)
        for group in members.values()
        for start, source in group
        for end, target in group
        if (difference := round(end - start, 12)) and abs(difference) <= largest + 1e-9
    ]


def _split(view: Word, family: Family) -> tuple[Word, float]:
    """A view as what comes first and the parameter of a last member of the family (0 if there is none)."""
    if view.syllables:
        *before, (symbol, exponent) = view.syllables
        parameter = family.parameter(symbol)
        if parameter is not None:
            return Word(tuple(before)), exponent * parameter
    return view, 0.0
