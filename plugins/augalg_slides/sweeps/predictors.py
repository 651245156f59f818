"""What may tell how well a latent space of one pair serves another: laws, spectra, and the residual of a short run.

Every feature is a cost, so that less is better:

relations
    One minus the share of the relations of either pair that both have, with the first augmentation of one read as the
    first of the other. Involutions, commuting, periods and inverses are such relations.
collisions
    Pairs of drawn views (original, first, second, composition) that the trained operators must put in one place by
    exact laws, while the target's images differ. Only where operators are reused.
spectrum
    One minus the mean effective share of latent directions that the operators keep: the participation ratio of the
    squared singular values, over the dimension. An orthogonal operator has 0, one that keeps one direction nearly 1.
readout
    Residual of the best linear map from moved codes to the target's pixels, as a share of their variance, on images
    that neither the short run nor that map has seen.
original
    Excess of encoding and drawing the original after the short run, beyond its entropy: what the codes lose.
own native loss
    Total of the pair itself after the short run; a trivial predictor, which does not enter the advice.
"""

import itertools
from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from augalg_slides.sweeps.pairs import Pair, words_of
from augalgebra.algebra import Word
from augalgebra.catalog import Catalog
from augalgebra.consistency import derived_relations, exact_form
from augalgebra.data import Dataset, Split
from augalgebra.operators import Operator, OperatorRegistry
from augalgebra.runs import Mode, Run, measure_run
from augalgebra.training import Views, encoded_views, fit_operators

Feature = Literal["relations", "collisions", "spectrum", "readout", "original", "own native loss"]
Features: TypeAlias = Mapping[Feature, float]
"""Features of one candidate for one target; all are costs."""

NATIVE_LOSS: Feature = "own native loss"

_RIDGE = 1e-3
_Pattern: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]


def relations_of(pair: Pair, catalog: Catalog) -> frozenset[_Pattern]:
    """The relations of a pair that follow from the laws, with 0 for its first augmentation and 1 for its second.

    Examples:
        >>> from augalgebra import load_catalog
        >>> sorted(relations_of(("flip_lr", "flip_ud"), load_catalog()))
        [((0, 0), ()), ((1, 0), (0, 1)), ((1, 1), ())]
    """
    words = [catalog.word(name) for name in pair]
    numbers = {word.symbols[0]: number for number, word in enumerate(words)}

    def pattern(word: Word) -> tuple[int, ...]:
        return tuple(numbers[letter.symbol] for letter in word.letters)

    return frozenset((pattern(lhs), pattern(rhs)) for lhs, rhs in derived_relations(catalog, words))


def relation_cost(pair: Pair, target: Pair, catalog: Catalog) -> float:
    """One minus the share of the relations of either pair that both have; 0 where neither has any."""
    first, second = relations_of(pair, catalog), relations_of(target, catalog)
    return 1 - len(first & second) / len(first | second) if first | second else 0.0


def collisions(pair: Pair, target: Pair, catalog: Catalog) -> int:
    """How many pairs of drawn views have one code by the laws of `pair`, but different images under `target`.

    Examples:
        A turn and its inverse make the composition the original, which no head can draw as something else:

        >>> from augalgebra import load_catalog
        >>> collisions(("rotate_cw", "rotate_ccw"), ("flip_lr", "flip_ud"), load_catalog())
        1
    """
    return len(_identified(pair, catalog) - _identified(target, catalog))


def _identified(pair: Pair, catalog: Catalog) -> set[tuple[str, str]]:
    """The roles that show the same image by exact laws."""
    words = {role: catalog.word(word) for role, word in words_of(pair).items()}
    system = catalog.system(*words.values())
    forms = {role: exact_form(system, word) for role, word in words.items()}
    return {(one, other) for one, other in itertools.combinations(forms, 2) if forms[one] == forms[other]}


def participation(operator: Operator) -> float:
    """Effective share of the latent directions that an operator keeps, from 1/d to 1; 0 for the zero map."""
    squares = operator.singular_values**2
    total = float(squares.sum())
    return total**2 / (float((squares**2).sum()) * operator.dim) if total else 0.0


class Candidate:
    """A pair with a short run, ready to be asked about targets.

    Args:
        run: The short run.
        data: What it learned from.
    """

    def __init__(self, run: Run, data: Dataset) -> None:
        first, second = run.settings.augmentations
        self.pair: Pair = (first, second)
        self._run, self._data, self._catalog = run, data, run.registry.catalog
        report = measure_run(run, data=data, words=list(words_of(self.pair).values()), views=["id"])
        self._native = report.total(words_of(self.pair).values())
        self._original = report.total(["id"]) - report.entropy["id"]

    def features(self, target: Pair, mode: Mode) -> Features:
        """The features for a target, in one mode of stage 3."""
        routes = self.pair if mode == "relabel" else target
        registry = self._run.registry if mode == "relabel" else self._extended(target)
        words = [self._catalog.word(word) for word in words_of(routes).values()]
        operators = [registry.operator(word) for word in words]
        return {
            "relations": relation_cost(self.pair, target, self._catalog),
            "collisions": float(collisions(self.pair, target, self._catalog)) if mode == "relabel" else 0.0,
            "spectrum": 1 - float(np.mean([participation(operator) for operator in operators[1:]])),
            "readout": self._readout(operators, target),
            "original": self._original,
            NATIVE_LOSS: self._native,
        }

    def _extended(self, target: Pair) -> OperatorRegistry:
        """Operators of the target's own, fitted on the encoder as it is."""
        registry = OperatorRegistry.of(self._run.space, self._catalog)
        views = Views.published(self._catalog, target, seed=self._run.settings.seed)
        fit_operators(registry, self._run.space, views, self._data.train)
        return registry

    def _readout(self, operators: list[Operator], target: Pair) -> float:
        """Residual of linear maps from moved codes to pixels, pooled over the four views."""
        from sklearn.linear_model import Ridge

        learnt, unseen = (self._codes(split) for split in (self._data.train, self._data.test))
        error = variance = 0.0
        for operator, word in zip(operators, words_of(target).values(), strict=True):
            fitted = Ridge(alpha=_RIDGE).fit(operator.apply(learnt).numpy(), self._pixels(self._data.train, word))
            true = self._pixels(self._data.test, word)
            error += float(((fitted.predict(operator.apply(unseen).numpy()) - true) ** 2).sum())
            variance += float(((true - true.mean(axis=0)) ** 2).sum())
        return error / variance if variance else 0.0

    def _codes(self, split: Split) -> Float[Tensor, "image latent"]:
        views = Views.published(self._catalog, self.pair, longest=1)
        return torch.cat([codes[0] for codes in encoded_views(self._run.space, views, split)])

    def _pixels(self, split: Split, word: str) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
        images, ids = split.batch(slice(None))
        moved = self._catalog.apply(word, images, seed=self._run.settings.seed, ids=ids)
        return moved.flatten(1).numpy()


def reasons(features: Features) -> tuple[str, ...]:
    """What the features say, in a few words each."""
    shared = 1 - features["relations"]
    clash = int(features["collisions"])
    said = [f"shares {shared:.0%} of the relations"]
    if clash:
        said.append(f"{clash} pair{'s' if clash > 1 else ''} of views fall{'' if clash > 1 else 's'} together")
    said += [
        f"operators keep {1 - features['spectrum']:.0%} of the directions",
        f"linear readout explains {1 - features['readout']:.0%}",
        f"original {features['original']:.4g} beyond its entropy",
    ]
    return tuple(said)
