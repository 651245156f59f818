"""A new augmentation in a trained latent space: its operator on the frozen encoder, and what that is worth."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.words import IDENTITY, Symbol, Word
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.composition import measure_composition
from augalgebra.consistency.excess import Gap
from augalgebra.consistency.report import WordScore
from augalgebra.data.dataset import Dataset
from augalgebra.errors import RunError
from augalgebra.latent.protocol import device_of_space
from augalgebra.operators.provenance import Provenance
from augalgebra.operators.registry import OperatorRegistry
from augalgebra.operators.residuals import RelationResidual, relation_residuals
from augalgebra.plain import PlainData, pick
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.training.progress import Progress, silent
from augalgebra.training.stage2 import STRUCTURED, check_fit, fit_operators
from augalgebra.training.views import Views


@dataclass(frozen=True)
class Extension(PlainData):
    """One augmentation that was given an operator.

    Attributes:
        word: The augmentation with its parameters, as people read it.
        fitted: Whether the operator was fitted now; one that is there and still true is only measured.
        provenance: How the operator was fitted: squared error in the latent space over the variance and the same for
            doing nothing, rank, condition.
        score: The original moved by it and drawn, in nats per image, beside the floor and the loss of doing nothing.
        laws: ‖L(lhs) - L(rhs)‖_F / √d of every law about it, or why that cannot be measured.
        equations: These laws as people read them.
    """

    word: str
    fitted: bool
    provenance: Provenance
    score: WordScore
    laws: tuple[RelationResidual, ...]
    equations: tuple[str, ...]

    in_json = (
        *("word", "fitted", "provenance.fit as fit", "reason", "provenance.residual as residual"),
        *("provenance.identity_residual as identity_residual", "provenance.rank as rank"),
        *("provenance.condition as condition", "score.verdict as verdict"),
    )

    @property
    def reason(self) -> str:
        """Why the operator was fitted this way."""
        return str(self.provenance.details.get("reason", ""))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        laws = [
            {"equation": text} | pick(item, ("residual", "reason"))
            for text, item in zip(self.equations, self.laws, strict=True)
        ]
        return super().to_dict() | pick(self.score, Gap.in_json) | {"laws": laws}


def extend(
    run: StoredRun,
    names: Iterable[str],
    *,
    fit: str | None = None,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    images: int | None = None,
    progress: Progress = silent,
) -> tuple[Extension, ...]:
    """Fit an operator for each of some augmentations on the frozen encoder, and measure it on the test images.

    Everything else in the run stays bit for bit as it is. Nothing is written; `Run.save` does.

    Args:
        run: The trained run. Its registry gets the operators.
        names: The augmentations; a parameter without a default or a distribution has to be given.
        fit: Name of the fit; None lets the laws decide. An operator that was fitted otherwise is fitted again.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        images: How many test images to measure on, if not all.
        progress: Called after each step of fits that descend.

    Raises:
        RunError: The data are not those of the run.
        FitError: There is no such fit, or the laws do not allow it.
        AugalgebraError: An augmentation cannot be applied to the run's images, or changes their size.
    """
    check_fit(fit)
    catalog, registry, settings = run.registry.catalog, run.registry, run.settings
    words = [catalog.word(name) for name in names]
    data = data or settings.load_data(data_dir)
    run.check_data(data)
    fresh = [word for word in words if not _stands(registry, word, fit)]
    if fresh:
        trained = [word for word in map(catalog.word, settings.augmentations) if word not in fresh]
        if trained:
            views = Views.beside(catalog, trained, fresh, seed=settings.seed)
        else:
            views = Views.closed(catalog, fresh, seed=settings.seed)
        fit_operators(
            registry,
            run.space,
            views,
            data.train,
            operators=fresh,
            fit=fit,
            replace_existing=True,
            progress=progress,
        )
    pictures, ids = data.test.sample(images).batch(slice(None))
    report = measure_composition(
        run.space,
        UnreducedOperators(registry),
        catalog,
        pictures.to(device_of_space(run.space)),
        words,
        words=words,
        views=[IDENTITY],
        ids=ids,
        seed=settings.seed,
    )
    scores = {score.word: score for score in report.words}
    residuals = relation_residuals(registry, catalog, list({*registry.entries, *words}))
    found = []
    for word in words:
        (symbol,) = word.symbols
        laws = [item for item in residuals if _speaks_of(item, symbol)]
        laws += _unmeasured(run, symbol, laws)
        shown = catalog.display(word)
        equations = tuple(catalog.display(item.law) for item in laws)
        entry = registry.entries[word]
        found.append(Extension(shown, word in fresh, entry.provenance, scores[shown], tuple(laws), equations))
    return tuple(found)


def _stands(registry: OperatorRegistry, word: Word, fit: str | None) -> bool:
    """Whether there is an operator already that is up to date, and fitted as asked."""
    entry = registry.entries.get(word)
    if entry is None or registry.staleness(entry):
        return False
    return fit in (None, STRUCTURED, entry.provenance.fit)  # what is in no group is not fitted as one


def withdraw(run: StoredRun, names: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Take the operators of some augmentations out of a run again, and the heads that draw them.

    Everything else in the run stays bit for bit as it is. Nothing is written; `Run.save` does.

    Args:
        run: The run, changed in memory.
        names: Full names of the augmentations.

    Returns:
        The words that had operators, and the names of the heads.

    Raises:
        RunError: The run was trained on one of them.
    """
    catalog, registry = run.registry.catalog, run.registry
    trained = [catalog.display(word) for word in map(catalog.word, run.settings.augmentations) if _names(word) & names]
    if trained:
        raise RunError(f"{run.folder} was trained on {', '.join(trained)}, so that it cannot do without; train another")
    # what is stored has full names, which can be read though the augmentation itself may be gone
    words = [word for word in registry.entries if _names(word) & names]
    for word in words:
        registry.remove(word)
    heads = [
        name
        for name, head in run.transfers.items()
        if any(_names(parse_word(text, variables=True)) & names for text in head.meanings)
    ]
    for name in heads:
        run.space.remove_head(name)
        del run.transfers[name]
    run.metrics = [entry for entry in run.metrics if entry.get("head") not in heads]
    return tuple(catalog.shorten(str(word)) for word in words), tuple(heads)


def _names(word: Word) -> set[str]:
    return {symbol.name for symbol in word.symbols}


def _speaks_of(item: RelationResidual, symbol: Symbol) -> bool:
    return any(other.name == symbol.name for other in item.law.symbols)


def _unmeasured(run: StoredRun, symbol: Symbol, measured: Iterable[RelationResidual]) -> list[RelationResidual]:
    """The laws about an augmentation that no residual was measured of, each with the reason."""
    catalog = run.registry.catalog
    known = {item.law for item in measured}
    names = {entry.name for word in run.registry.entries for entry in word.symbols}
    found = []
    for law in catalog.laws:
        if law in known or not law.is_equation or symbol.name not in {other.name for other in law.symbols}:
            continue
        missing = sorted({catalog.short_name(other.name) for other in law.symbols if other.name not in names})
        if law.status == "violated":
            reason = "violated on images"
        elif missing:
            reason = f"no operator for {', '.join(missing)}"
        else:
            reason = "its parameters have no operators" if law.counts else "never checked on images"
        found.append(RelationResidual(law, None, reason))
    return found
