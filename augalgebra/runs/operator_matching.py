"""Which trained operators suit a new pair of augmentations, by their laws and by where codes lie."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from augalgebra.algebra.laws import Law, commutation
from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.catalog import Catalog
from augalgebra.checks import check_law
from augalgebra.data.dataset import Split
from augalgebra.errors import AugalgebraError
from augalgebra.operators.residuals import LatentResidual, residual_on_codes
from augalgebra.plain import pick
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.training.encoding import encoded_views
from augalgebra.training.stage3 import assign_operators
from augalgebra.training.views import Views


@dataclass(frozen=True)
class OperatorAssignment:
    """Trained operators that new augmentations may take over, the first for the first and so on.

    Attributes:
        new: The new augmentations.
        trained: The trained ones whose operators would stand for them.
        agree: What the laws say of both alike.
        differ: What they say otherwise of the new ones than of the trained ones.
        residuals: For each new augmentation the squared error of the trained operator on its codes, over their
            variance, and the same for doing nothing.
    """

    new: tuple[Word, ...]
    trained: tuple[Word, ...]
    agree: tuple[str, ...]
    differ: tuple[str, ...]
    residuals: tuple[LatentResidual, ...]

    @property
    def residual(self) -> float:
        """The mean of the residuals."""
        return sum(item.residual for item in self.residuals) / len(self.residuals)

    def to_dict(self, catalog: Catalog) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "operators": {
                catalog.display(new): catalog.display(old) for new, old in zip(self.new, self.trained, strict=True)
            },
            "agree": list(self.agree),
            "differ": list(self.differ),
            "residuals": {
                catalog.display(word): pick(item, ("residual", "identity as identity_residual"))
                for word, item in zip(self.new, self.residuals, strict=True)
            },
        }


def match_operators(run: StoredRun, new: Iterable[str | Word], images: Split) -> tuple[OperatorAssignment, ...]:
    """The trained operators that may stand for some new augmentations, the most suitable first.

    One suits better whose laws differ less, then agree more: period, idempotence and whether it can be undone, and
    which pairs commute (on images where the laws are silent). Among equals the smaller residual decides.

    Args:
        run: The trained run.
        new: The new augmentations.
        images: What residuals are measured on.

    Raises:
        AugalgebraError: There are more new augmentations than trained ones, or one cannot be applied.
    """
    catalog, registry = run.registry.catalog, run.registry
    views = Views.published(catalog, list(new), seed=run.settings.seed)
    words = views.generators
    trained = [word for word in map(catalog.word, run.settings.augmentations) if word in registry]
    assign_operators(trained, words)  # raises where there are too few
    codes = torch.cat(list(encoded_views(run.space, views, images)), dim=1).numpy()
    facts = {word: _facts(catalog, word) for word in {*words, *trained}}
    commute = {
        frozenset(pair): _commute(catalog, *pair)
        for group in (words, trained)
        for pair in itertools.combinations(group, 2)
    }
    errors = {
        (word, old): residual_on_codes(registry.operator(old), codes, views.words, [(IDENTITY, word)])
        for word in words
        for old in trained
    }
    found = []
    for chosen in itertools.permutations(trained, len(words)):
        agree, differ = [], []
        pairs = [(facts[word], facts[old], word, old) for word, old in zip(words, chosen, strict=True)]
        for mine, theirs, word, old in pairs:
            names = catalog.display(word), catalog.display(old)
            for key in [key for key in mine if mine[key] is not None and theirs[key] is not None]:
                if mine[key] == theirs[key]:
                    agree.append(f"{names[0]} and {names[1]} are both {_said(key, mine[key])}")
                else:
                    differ.append(f"{names[0]} is {_said(key, mine[key])}, {names[1]} is {_said(key, theirs[key])}")
        for one, other in itertools.combinations(range(len(words)), 2):
            mine_commute = commute[frozenset((words[one], words[other]))]
            theirs_commute = commute[frozenset((chosen[one], chosen[other]))]
            if mine_commute is None or theirs_commute is None:
                continue
            new_pair = f"{catalog.display(words[one])} and {catalog.display(words[other])}"
            old_pair = f"{catalog.display(chosen[one])} and {catalog.display(chosen[other])}"
            said = {True: "commute", False: "do not commute"}
            if mine_commute == theirs_commute:
                agree.append(f"{new_pair} {said[mine_commute]}, {'and so' if mine_commute else 'nor'} do {old_pair}")
            else:
                differ.append(f"{new_pair} {said[mine_commute]}, {old_pair} {said[theirs_commute]}")
        residuals = tuple(errors[pair] for pair in zip(words, chosen, strict=True))
        found.append(OperatorAssignment(words, chosen, tuple(agree), tuple(differ), residuals))
    return tuple(sorted(found, key=lambda slot: (len(slot.differ), -len(slot.agree), slot.residual)))


def _facts(catalog: Catalog, word: Word) -> Mapping[str, int | bool | None]:
    """What the laws say of an augmentation; None where they are silent."""
    system = catalog.system(word)
    try:
        period, kind = queries.period(system, word), queries.inverse(system, word).kind
        idempotent = queries.is_idempotent(system, word)
    except AugalgebraError:  # the laws are too many to say
        return {"period": None, "idempotent": None, "invertible": None}
    undone = None if kind == "unknown" else kind == "two-sided"
    # undoing a * a = a leaves a = id
    return {
        "period": period,
        "idempotent": True if idempotent else False if undone and period != 1 else None,
        "invertible": undone,
    }


def _commute(catalog: Catalog, first: Word, second: Word) -> bool | None:
    sides = commutation(first, second)
    if catalog.equal(*sides).equal:
        return True
    return {"holds": True, "violated": False}.get(check_law(catalog, Law(*sides, "commutes")).verdict)


def _said(key: str, value: int | bool | None) -> str:
    if key == "period":
        return "involutory" if value == 2 else f"of period {value}"
    return key if value else f"not {key}"
