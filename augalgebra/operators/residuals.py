"""How well operators do what they stand for, measured on the moments of encodings and on the operators themselves."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from augalgebra.algebra.expressions import Value, as_variable
from augalgebra.algebra.laws import Law
from augalgebra.algebra.words import IDENTITY, Symbol, Word
from augalgebra.catalog import Catalog
from augalgebra.errors import AugalgebraError
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.moments import ViewMoments
from augalgebra.operators.operator import Operator

MOST_INSTANCES = 256
"""Values of the variables of one law that are tried."""


class Registry(Protocol):
    """Anything that multiplies operators out letter by letter, or simplifies words first."""

    def operator(self, word: Word, *, reduce: bool = True, readout: bool = True) -> Operator:
        """The operator of a word."""


@dataclass(frozen=True)
class LatentResidual:
    """Squared error in the latent space, as a fraction of the variance of the targets.

    Attributes:
        residual: Σ‖ENC(v·x) L - ENC(w·x)‖² / Σ‖ENC(w·x) - mean‖².
        identity: The same where nothing is moved; an operator that is no better does nothing.
    """

    residual: float
    identity: float

    @property
    def r2(self) -> float:
        """Share of the variance that is explained; 1 is perfect."""
        return 1 - self.residual


@dataclass(frozen=True)
class RelationResidual:
    """How far operators are from fulfilling a law.

    Attributes:
        law: The law.
        residual: ‖L(lhs) - L(rhs)‖_F / √d, both sides multiplied out letter by letter; None where that cannot be done.
        reason: Why not; empty if it can.
    """

    law: Law
    residual: float | None
    reason: str = ""


def latent_residual(operator: AffineMap, moments: ViewMoments, pairs: Sequence[tuple[Word, Word]]) -> LatentResidual:
    """The error of a map on pairs of views, pooled.

    Args:
        operator: The map.
        moments: Encodings of the views.
        pairs: Source and target view of each pair.

    Raises:
        MomentsError: A view is missing.
    """
    variance = sum(moments.variance(target) for _, target in pairs)
    error = sum(_squared_error(operator, moments, *pair) for pair in pairs)
    still = AffineMap.linear(np.eye(moments.dim))
    baseline = sum(_squared_error(still, moments, *pair) for pair in pairs)
    if variance == 0:
        return LatentResidual(*(0.0 if value == 0 else float("inf") for value in (error, baseline)))
    return LatentResidual(error / variance, baseline / variance)


def residual_on_codes(
    operator: Operator,
    samples: npt.NDArray[np.floating[Any]],
    views: Sequence[Word],
    pairs: Sequence[tuple[Word, Word]],
) -> LatentResidual:
    """The error of an operator on pairs of views, pooled, from the codes themselves; what a flow needs.

    Args:
        operator: The operator.
        samples: Codes, ``[view, image, latent]``.
        views: The view of each row.
        pairs: Source and target view of each pair.
    """
    error = baseline = variance = 0.0
    for source, target in ((views.index(one), views.index(other)) for one, other in pairs):
        codes, wanted = (torch.from_numpy(samples[number]).double() for number in (source, target))
        error += float((operator.apply(codes) - wanted).square().sum())
        baseline += float((codes - wanted).square().sum())
        variance += float((wanted - wanted.mean(dim=0)).square().sum())
    return LatentResidual(*(value / variance if variance else math.inf for value in (error, baseline)))


def _squared_error(operator: AffineMap, moments: ViewMoments, source: Word, target: Word) -> float:
    L = operator.matrix
    spread = (
        float(np.sum(L * (moments.covariance(source, source) @ L)))
        - 2 * float(np.sum(L * moments.covariance(source, target)))
        + moments.variance(target)
    )
    offset = operator(moments.mean(source)) - moments.mean(target)
    return max(spread, 0.0) + float(offset @ offset)


def word_residual(
    registry: Registry, moments: ViewMoments, word: Word, start: Word = IDENTITY, *, reduce: bool = True
) -> LatentResidual:
    """The error of moving the view `start` to the view ``start * word``.

    Args:
        registry: Knows the operators.
        moments: Encodings of both views (under the very words ``start`` and ``start * word``).
        word: The word that leads from the one to the other.
        start: The view that is moved.
        reduce: Whether the laws may simplify the word first.

    Raises:
        MomentsError: A view is missing.
    """
    return latent_residual(registry.operator(word, reduce=reduce).affine, moments, [(start, start * word)])


def composition_defect(registry: Registry, first: Word, second: Word) -> float:
    """‖L_g L_h - L_gh‖_F / √d: the product of two operators against the one that is kept for the product."""
    apart = registry.operator(first, reduce=False) @ registry.operator(second, reduce=False)
    return apart.distance(registry.operator(first * second))


def relation_residuals(registry: Registry, catalog: Catalog, operators: Sequence[Word]) -> list[RelationResidual]:
    """‖L(lhs) - L(rhs)‖_F / √d for every law about some operators, largest first; readouts are left aside.

    A law with variables is measured at all parameters at which every augmentation in it has an operator.

    Args:
        registry: Knows the operators.
        catalog: Knows the laws.
        operators: Words of one letter; laws about these alone are measured.
    """
    symbols = {symbol for word in operators for symbol in word.symbols}
    names = {symbol.name for symbol in symbols}
    found = []
    for law in catalog.laws:
        if not law.is_equation or not law.counts or not {s.name for s in law.symbols} <= names:
            continue
        at = [law] if symbols.issuperset(law.symbols) else list(_instances(law, symbols))
        if not at:
            found.append(RelationResidual(law, None, "it speaks of parameters in general"))
        for item in at:
            try:
                sides = [registry.operator(side, reduce=False, readout=False) for side in (item.lhs, item.rhs)]
            except AugalgebraError as error:
                found.append(RelationResidual(item, None, str(error)))
                continue
            found.append(RelationResidual(item, sides[0].distance(sides[1])))
    return sorted(found, key=lambda item: -1.0 if item.residual is None else -item.residual - 2.0)


def _instances(law: Law, symbols: Collection[Symbol]) -> Iterator[Law]:
    """The law at all values of its variables at which it speaks of these symbols alone and says something."""
    values: dict[str, dict[Value, None]] = {}
    for symbol in law.symbols:
        for place, argument in enumerate(symbol.args):
            name = as_variable(argument)
            if name is not None:
                there = [other.args[place] for other in symbols if other.name == symbol.name]
                values.setdefault(name, {}).update(dict.fromkeys(there))
    if values.keys() != law.variables:
        return
    for chosen in islice(product(*values.values()), MOST_INSTANCES):
        bindings = dict(zip(values, chosen, strict=True))
        lhs, rhs = (_at(side, bindings) for side in (law.lhs, law.rhs))
        if lhs != rhs and {*lhs.symbols, *rhs.symbols} <= set(symbols):
            yield replace(law, lhs=lhs, rhs=rhs)


def _at(word: Word, bindings: Mapping[str, Value]) -> Word:
    return word.map(lambda symbol: symbol.substitute(bindings))
