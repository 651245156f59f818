"""Operators conjugated by a flow, beside linear ones on the same encoder."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from augalg_slides.evidence.claims import Claim
from augalg_slides.evidence.comparison import draw_bars
from augalgebra.consistency import CompositionReport, UnreducedOperators, measure_composition
from augalgebra.data import Dataset
from augalgebra.documents import figures
from augalgebra.latent import device_of_space
from augalgebra.operators import FitOptions, OperatorRegistry
from augalgebra.plain import PlainData
from augalgebra.runs import Run
from augalgebra.training import Views, fit_operators

FLOW = "flow"
FITS = ("ridge", "representation", "representation+readout", "representation+decoder", FLOW)
"""Fits on one encoder; all but the last are linear."""
BAR, AIM, EXACT = 1.1, 1.05, 1e-5
"""Worst gap ratio that the flow shall reach, the one aimed at, and the largest residual of a relation."""
LONGEST = 4


@dataclass(frozen=True)
class FlowFindings(PlainData):
    """What was measured of operators of several fits on one encoder.

    Attributes:
        reports: Words up to length four, by fit.
        images: Test images that they were measured on.
        claims: What is claimed of the flow.
    """

    reports: Mapping[str, CompositionReport]
    images: int
    claims: tuple[Claim, ...]


def measure_fits(
    run: Run,
    *,
    data: Dataset,
    images: int = 1000,
    steps: int = 2000,
    seed: int = 0,
    tell: Callable[[str], object] = lambda _: None,
) -> FlowFindings:
    """Fit operators of a run's augmentations in several ways, and measure them; the run is not changed.

    Args:
        run: The run.
        data: Its data set.
        images: Test images to measure on.
        steps: Steps that a flow learns on codes, before it does through the decoder.
        seed: Seed of the fits.
        tell: Called with what is being done.

    Raises:
        FitError: The augmentations generate no finite group.
        RunError: The data are not those of the run.
    """
    run.check_data(data)
    catalog, settings = run.registry.catalog, run.settings
    views = Views.closed(catalog, settings.augmentations, seed=settings.seed)
    pictures, ids = data.test.sample(images).batch(slice(None))
    reports = {}
    for fit in FITS:
        tell(f"operators by {fit}")
        registry = OperatorRegistry.of(run.space, catalog)
        fit_operators(registry, run.space, views, data.train, fit=fit, options=FitOptions(seed=seed, steps=steps))
        reports[fit] = measure_composition(
            run.space,
            UnreducedOperators(registry),
            catalog,
            pictures.to(device_of_space(run.space)),
            settings.augmentations,
            max_length=LONGEST,
            ids=ids,
            seed=settings.seed,
        )
    return FlowFindings(reports, len(pictures), (flow_claim(reports),))


def worst_residual(report: CompositionReport) -> float:
    """The largest residual of a relation; not a number if none was measured."""
    found = [item.residual for item in report.relations if item.residual is not None]
    return max(found, default=math.nan)


def flow_claim(reports: Mapping[str, CompositionReport]) -> Claim:
    """Whether the flow follows an encoder that was never trained around operators, and keeps the relations."""
    worst = {fit: report.worst_gap_ratio or math.nan for fit, report in reports.items()}
    residual = worst_residual(reports[FLOW])
    linear = min((fit for fit in reports if fit != FLOW), key=lambda fit: _rank(worst[fit]))
    if math.isnan(worst[FLOW]):
        holds = None
    else:
        reached = worst[FLOW] <= BAR and residual <= EXACT
        holds = True if reached else False if worst[FLOW] >= _rank(worst[linear]) else None
    return Claim(
        "17",
        "Operators bent by a flow follow an encoder that was never trained around them, and keep all relations",
        f"the worst word up to length {LONGEST} is drawn at a gap ratio of {worst[FLOW]:.3f} (bar {BAR:g}, aim "
        f"{AIM:g}), by the best linear fit, {linear}, at {worst[linear]:.3f}; the largest residual of a relation is "
        f"{residual:.1e}",
        holds,
        {f"worst, {fit}": value for fit, value in worst.items()} | {"residual, flow": residual},
    )


def _rank(value: float) -> float:
    return math.inf if math.isnan(value) else value


def draw_fits(found: FlowFindings, path: Path) -> Path:
    """Write the worst gap ratio of each fit as PNG."""
    figure = figures.empty(6, 2.6)
    worst = [report.worst_gap_ratio or math.nan for report in found.reports.values()]
    title = f"gap ratio of the worst word up to length {LONGEST}; dotted: the bar"
    draw_bars(figure.subplots(), list(found.reports), worst, title=title, line=BAR)
    return figures.write(figure, path)
