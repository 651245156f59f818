"""Further augmentations in a grid latent space: their operators, and what these are worth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from augalgebra.algebra.words import Word
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.consistency.grids.measuring import measure_grid
from augalgebra.consistency.grids.report import GridScore
from augalgebra.operators.grids.registry import GridRegistry
from augalgebra.operators.provenance import Provenance
from augalgebra.plain import PlainData
from augalgebra.runs.grids.stored import StoredGridRun
from augalgebra.training.grids.fitting import fit_grid_operators, plan_grid_operators
from augalgebra.training.progress import Progress, silent


@dataclass(frozen=True)
class GridExtension(PlainData):
    """One operator that was asked for.

    Attributes:
        word: Its word, as people read it.
        fitted: Whether it was fitted now; one that is there and still true is only measured.
        provenance: How it was fitted.
        score: What it reaches on test crops, beside every other way.
    """

    word: str
    fitted: bool
    provenance: Provenance
    score: GridScore

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        source = self.provenance
        about = {"word": self.word, "fitted": self.fitted, "fit": source.fit, "residual": source.residual}
        return about | {"identity_residual": source.identity_residual, "score": self.score.to_dict()}


def extend_grid(
    run: StoredGridRun,
    names: Sequence[str],
    *,
    fit: str | None = None,
    seconds: float | None = None,
    images: int | None = None,
    progress: Progress = silent,
    cases: CaseProgress = unseen,
) -> tuple[GridExtension, ...]:
    """Fit operators of further augmentations, and of what they generate together with those that are there.

    Nothing is written; `StoredGridRun.save` does. Operators that are there and still true stay as they are.

    Args:
        run: The run. Its registry gets the operators.
        names: The augmentations; parameters have to be given.
        fit: Name of the fit; by default that of the run.
        seconds: Time for the networks; by default that of the run.
        images: How many test crops to measure on, if not all.
        progress: Called after each step of the networks.
        cases: Called as crops are encoded and kernels fitted.

    Raises:
        RunError: The autoencoder or the photographs are not those of the run.
        FitError: The laws do not allow the fit.
    """
    registry, catalog, space, settings = run.registry, run.registry.catalog, run.space, run.settings
    if fit is not None:
        settings = replace(settings, fit=fit)  # type: ignore[arg-type]  # which it looks at itself
    if seconds is not None:
        settings = replace(settings, seconds=seconds)
    asked = [catalog.word(name) for name in names]

    def lacking(augmentations: Sequence[str | Word]) -> list[Word]:
        planned = [target.word for target in plan_grid_operators(catalog, augmentations, space.stride).targets]
        known = [registry.entries.get(registry.reduced(word)) for word in planned]
        pairs = zip(planned, known, strict=True)
        return [word for word, entry in pairs if entry is None or registry.staleness(entry)]

    fresh, wanted = lacking(asked), asked
    both = [*map(catalog.word, run.augmentations), *asked]
    together = lacking(both)
    if len(together) > len(fresh):
        # what they generate with those that are there needs all of these anew, though only what is missing is kept
        fresh, wanted = together, both
    if fresh:
        fitted = GridRegistry.of(space, catalog)
        crops = run.photographs().draw_crops(settings.crops, settings.size, settings.seed)
        fit_grid_operators(space, crops, wanted, catalog, settings, into=fitted, progress=progress, cases=cases)
        for word in fresh:
            registry.add(fitted.entries[word])
        for key, family in fitted.families.items():
            if key not in registry.families or registry.staleness(registry.families[key]):
                registry.add(family)
    run.note(tuple(str(word) for word in asked))
    shown = list(dict.fromkeys([*map(registry.reduced, asked), *fresh]))
    report = measure_grid(
        space,
        registry,
        catalog,
        run.test_crops(images),
        shown,
        drift=False,
        cost=False,
        seed=settings.seed,
        progress=cases,
    )
    scores = {score.route: score for score in report.scores}
    return tuple(
        GridExtension(
            catalog.display(word), word in fresh, registry.entries[word].provenance, scores[catalog.display(word)]
        )
        for word in shown
        if word in registry.entries
    )
