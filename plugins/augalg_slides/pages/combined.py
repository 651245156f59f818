"""Class by condition, augmentations by operators, in one latent space (slide 17)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from augalg_slides.baselines.conditional import Conditions
from augalg_slides.baselines.control import Control, Draw, class_control, other_classes
from augalg_slides.baselines.cvae import CVAE
from augalg_slides.baselines.scores import EQUIVARIANT, EXACT, tells
from augalg_slides.baselines.trained_networks import Bench
from augalg_slides.evidence.claims import Claim
from augalg_slides.evidence.comparison import (
    Comparison,
    Strips,
    Table,
    blank_figure,
    draw_bars,
    draw_strips,
)
from augalg_slides.pages.cvae import BY_CLASS, conditional_draw, shown_rows
from augalgebra.algebra.words import Word
from augalgebra.consistency.batches import MultipliedOut
from augalgebra.consistency.composition import measure_composition
from augalgebra.consistency.report import CompositionReport
from augalgebra.documents import figures
from augalgebra.latent.protocol import LatentSpace
from augalgebra.operators import FitOptions, OperatorRegistry, ViewMoments
from augalgebra.operators.groups.arrays import Array
from augalgebra.training.encoding import BATCH
from augalgebra.training.stage2 import JOINT

AFTERWARDS, TOGETHER = "class, operators afterwards", "class and operators together"
STAYS, GAINED = 1.1, 0.5
"""Composition stays where its gap ratio is at most so many times LAVAE's, and class control is gained where so large a
part of what the judge can know shows the class asked for."""


@dataclass(frozen=True, kw_only=True)
class CombinedResult(Comparison):
    """What was measured of latent spaces with conditions and operators.

    Attributes:
        reports: Composition in each latent space.
        controls: What a change of class changes after codes were moved.
    """

    reports: Mapping[str, CompositionReport]
    controls: tuple[Control, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return super().to_json() | {
            "composition": {model: report.to_json() for model, report in self.reports.items()},
            "controls": [control.to_json() for control in self.controls],
        }


@torch.no_grad()
def combined_on(bench: Bench) -> CombinedResult:
    """Train latent spaces with a condition, with operators, and with both, and measure them side by side.

    Args:
        bench: Images with classes, and what is shared; four networks are trained with its budget, if they are not yet.

    Raises:
        AugalgebraError: The data set has no classes, or the augmentations cannot be used.
    """
    lavae, equivariant = bench.lavae(), bench.equivariant()
    by_class, conditions = bench.cvae(BY_CLASS, classes=True)
    moving, _, movers = bench.moving_cvae()
    spaces: dict[str, tuple[LatentSpace, OperatorRegistry]] = {
        EXACT: (lavae, bench.operators(lavae)),
        EQUIVARIANT: equivariant,
        AFTERWARDS: (_known(bench, by_class, conditions), conditional_operators(bench, by_class, conditions)),
        TOGETHER: (
            _known(bench, moving, conditions),
            conditional_operators(bench, moving, conditions, movers.learned()),
        ),
    }
    reports = {model: _measured(bench, space, registry) for model, (space, registry) in spaces.items()}
    draws: dict[str, Draw] = {
        model: conditional_draw(
            bench, space, conditions, [spaces[model][1].operator(word) for word in bench.views.words]
        )
        for model, space in ((AFTERWARDS, by_class), (TOGETHER, moving))
    }
    draws = {EQUIVARIANT: _ignoring(bench, *equivariant), **draws}
    controls = tuple(
        control for model, draw in draws.items() for control in class_control(bench, model, draw, conditions.labels)
    )
    strips, columns = _pictures(bench, draws, conditions)
    return CombinedResult(
        name="combined",
        seed=bench.seed,
        images=len(bench.test),
        claims=(_claim(bench, reports, controls),),
        table=_table(bench, reports, controls),
        about=(
            "Gap ratios of moved codes of originals: the loss beyond the entropy, over that of the same network's "
            "direct views (floor and entropy, in nats per image, are means of the views); 'asked' is the share of "
            "augmented images, drawn from moved codes of originals with another class in the condition, that the "
            "classifier gives that class; 'view' the share "
            "that the detector finds in the right view. LAVAE knows no classes: what it shows of another class is by "
            "mistake."
        ),
        strips=strips,
        columns=columns,
        reports=reports,
        controls=controls,
    )


def conditional_operators(
    bench: Bench, space: CVAE, conditions: Conditions, joint: Mapping[Word, Array] | None = None
) -> OperatorRegistry:
    """Operators fitted by the laws on codes that were encoded under their true class.

    Args:
        bench: What is compared.
        space: The latent space.
        conditions: What it is told: the class.
        joint: Operators that were learned along; they are kept.
    """
    views, split = bench.closed, bench.dataset.train
    moments = ViewMoments(views.words, space.dim)
    for start in range(0, len(split), BATCH):
        part = slice(start, start + BATCH)
        images, ids = split.batch(part)
        labels = split.labels[part]
        told = conditions(labels, labels).repeat(len(views), 1)  # view by view
        codes = space.encode(views.make(images, ids).flatten(0, 1).to(bench.device), told.to(bench.device))
        moments.add(codes.view(len(views), len(images), -1).cpu())
    registry = OperatorRegistry.of(space, bench.catalog)
    registry.hold(joint or {}, fit=JOINT, moments=moments)
    fresh = [word for word in views.generators if word not in (joint or {})]
    registry.fit(moments, fresh, None, FitOptions(seed=bench.seed))
    return registry


def _known(bench: Bench, space: CVAE, conditions: Conditions) -> LatentSpace:
    labels = bench.test.labels.to(bench.device)
    return space.given(conditions(labels, labels))


def _measured(bench: Bench, space: LatentSpace, registry: OperatorRegistry) -> CompositionReport:
    images, ids = bench.test.batch(slice(None))
    return measure_composition(
        space,
        MultipliedOut(registry),
        bench.catalog,
        images.to(bench.device),
        bench.views.generators,
        ids=ids,
        seed=bench.seed,
        batch_size=len(images),  # conditions belong to all images at once
    )


def _ignoring(bench: Bench, space: LatentSpace, registry: OperatorRegistry) -> Draw:
    """What a latent space without classes draws, whatever the class asked for."""
    codes = space.encode(bench.shown[0])

    def draw(view: int, classes: Tensor) -> Tensor:  # noqa: ARG001 (that is the point)
        return space.decode(registry.operator(bench.views.words[view]).apply(codes))

    return draw


def _words(bench: Bench) -> tuple[str, str, str, str]:
    """Both augmentations and both their products."""
    show = bench.catalog.display
    first, second = bench.views.generators
    return show(first), show(second), show(first * second), show(second * first)


def _gap(report: CompositionReport, word: str, view: str = "id") -> float | None:
    score = report.get(word, view)
    return None if score is None else score.gap_ratio


def _table(bench: Bench, reports: Mapping[str, CompositionReport], controls: Sequence[Control]) -> Table:
    words = _words(bench)
    augmented = {control.model: control for control in controls if control.inputs == "augmented"}
    rows: list[tuple[str | float | None, ...]] = []
    for model, report in reports.items():
        control = augmented.get(model)
        rows.append(
            (
                model,
                sum(report.floor[name] for name in bench.names) / len(bench.names),
                sum(report.entropy[name] for name in bench.names) / len(bench.names),
                *(_gap(report, word) for word in words),
                _gap(report, "id", words[2]),
                None if control is None else control.asked,
                None if control is None else control.view,
            )
        )
    return Table(("model", "floor", "entropy", *words, f"back from {words[2]}", "asked", "view"), tuple(rows))


def _claim(bench: Bench, reports: Mapping[str, CompositionReport], controls: Sequence[Control]) -> Claim:
    product = _words(bench)[2]
    still = reports[EQUIVARIANT].get(product)
    gaps = {model: _gap(report, product) or float("nan") for model, report in reports.items()}
    asked = {control.model: control for control in controls if control.inputs == "augmented"}
    stays = gaps[TOGETHER] <= STAYS * gaps[EQUIVARIANT]
    control = asked[TOGETHER]
    gained = control.asked >= GAINED * control.ceiling
    return Claim(
        "17",
        "CVAE and LAVAE can be combined: composition stays while the class comes under control.",
        f"trained together, the gap ratio of {product} is {gaps[TOGETHER]:.3f} (equivariant LAVAE "
        f"{gaps[EQUIVARIANT]:.3f}) and {control.asked:.1%} of augmented images show the class asked for (by mistake "
        f"{asked[EQUIVARIANT].asked:.1%}, true images {control.ceiling:.1%}); with operators fitted afterwards "
        f"{gaps[AFTERWARDS]:.3f} and {asked[AFTERWARDS].asked:.1%}.",
        stays and gained if still is not None and tells(still.identity_ratio) else None,
        {
            "gap_together": gaps[TOGETHER],
            "gap_lavae": gaps[EQUIVARIANT],
            "gap_afterwards": gaps[AFTERWARDS],
            "asked_together": control.asked,
            "asked_afterwards": asked[AFTERWARDS].asked,
            "ceiling": control.ceiling,
        },
    )


def _pictures(
    bench: Bench, draws: Mapping[str, Callable[[int, Tensor], Tensor]], conditions: Conditions
) -> tuple[Strips, Mapping[str, Sequence[str]]]:
    rows, labels = shown_rows(bench), bench.test.labels.to(bench.device)
    other = other_classes(labels, conditions.labels, bench.seed)
    strips: dict[str, Tensor] = {"true": torch.stack([view[rows] for view in bench.shown], dim=1)}
    columns: dict[str, Sequence[str]] = {"true": bench.names}
    for model, draw in draws.items():
        for heading, classes in (("", labels), (", another class", other)):
            if heading and model == EQUIVARIANT:
                continue
            title = model + heading
            drawn = [draw(view, classes)[rows] for view in range(len(bench.views))]
            strips[title], columns[title] = torch.stack(drawn, dim=1), bench.names
    return strips, columns


def draw_combined(result: CombinedResult, path: Path) -> Path:
    """Write gap ratios, control of the class and pictures as PNG."""
    figure = blank_figure(15, 6.5)
    grid = figure.add_gridspec(2, 1, height_ratios=[2, 2.6])
    upper = grid[0].subgridspec(1, 2)
    product = result.table.headings[5]
    gaps = {model: _gap(report, product) or float("nan") for model, report in result.reports.items()}
    draw_bars(figure.add_subplot(upper[0]), list(gaps), list(gaps.values()), title=f"gap ratio of {product}", line=1.0)
    shares = {
        f"{control.model}: {name}": value
        for control in result.controls
        if control.inputs == "augmented"
        for name, value in (("class asked for", control.asked), ("view kept", control.view))
    }
    draw_bars(
        figure.add_subplot(upper[1]), list(shares), list(shares.values()), title="class changed, codes moved", line=1.0
    )
    draw_strips(figure, grid[1], result)
    return figures.write(figure, path)
