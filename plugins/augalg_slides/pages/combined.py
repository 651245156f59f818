"""Class by condition, augmentations by operators, in one latent space; and charts of each class (slide 17)."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from augalg_slides.baselines.class_charts import ClassCharts
from augalg_slides.baselines.conditional import Conditions
from augalg_slides.baselines.control import Control, Draw, class_control, other_classes
from augalg_slides.baselines.cvae import CVAE
from augalg_slides.baselines.scores import EQUIVARIANT, EXACT, is_decided
from augalg_slides.baselines.trained_networks import BaselineNetworks
from augalg_slides.evidence.claims import Claim
from augalg_slides.evidence.comparison import (
    DPI,
    Comparison,
    Strips,
    Table,
    draw_bars,
    draw_strips,
)
from augalg_slides.pages.cvae import BY_CLASS, conditional_draw, shown_rows
from augalgebra.algebra import Word
from augalgebra.consistency import CompositionReport, UnreducedOperators, measure_composition
from augalgebra.documents import figures
from augalgebra.latent import LatentSpace
from augalgebra.operators import Array, FitOptions, OperatorRegistry, ViewMoments
from augalgebra.training import BATCH, JOINT, encoded_views

AFTERWARDS, TOGETHER = "class, operators afterwards", "class and operators together"
CHARTS, ALL = "LAVAE, equivariant, charts of classes", "class, operators and charts of classes"
STAYS, GAINED = 1.1, 0.5
"""Composition stays where its gap ratio is at most so many times LAVAE's, and class control is gained where so large a
part of what the judge can know shows the class asked for."""
SHOWN, CLOSE = 0.9, 1.05
"""The same with charts of classes: share of moved images that show the class asked for, and worst gap ratio."""


@dataclass(frozen=True, kw_only=True)
class CombinedResult(Comparison):
    """What was measured of latent spaces with conditions and operators.

    Attributes:
        reports: Composition in each latent space.
        controls: What a change of class changes after codes were moved.
    """

    reports: Mapping[str, CompositionReport]
    controls: tuple[Control, ...]
    in_json = *Comparison.in_json, "reports as composition", "controls"


@torch.no_grad()
def combined_on(networks: BaselineNetworks) -> CombinedResult:
    """Train latent spaces with a condition, with operators, and with both, and measure them side by side.

    Args:
        networks: Images with classes, and what is shared; four more are trained with its budget if need be.

    Raises:
        AugalgebraError: The data set has no classes, or the augmentations cannot be used.
    """
    lavae, equivariant = networks.lavae(), networks.equivariant()
    by_class, conditions = networks.cvae(BY_CLASS, classes=True)
    moving, _, movers = networks.moving_cvae()
    split = networks.dataset.train
    spaces: dict[str, tuple[LatentSpace, OperatorRegistry]] = {
        EXACT: (lavae, networks.operators(lavae)),
        EQUIVARIANT: equivariant,
        AFTERWARDS: (_known(networks, by_class, conditions), conditional_operators(networks, by_class, conditions)),
        TOGETHER: (
            _known(networks, moving, conditions),
            conditional_operators(networks, moving, conditions, movers.learned()),
        ),
    }
    reports = {model: _measured(networks, space, registry) for model, (space, registry) in spaces.items()}
    charts = {
        CHARTS: _charts(networks, equivariant[1], encoded_views(equivariant[0], networks.closed, split)),
        ALL: _charts(networks, spaces[TOGETHER][1], _codes(networks, moving, conditions)),
    }
    # where the class is not changed nothing is moved through a chart
    reports |= {CHARTS: reports[EQUIVARIANT], ALL: reports[TOGETHER]}
    draws: dict[str, Draw] = {
        model: conditional_draw(
            networks, space, conditions, [spaces[model][1].operator(word) for word in networks.views.words]
        )
        for model, space in ((AFTERWARDS, by_class), (TOGETHER, moving))
    }
    draws = {
        EQUIVARIANT: _ignoring(networks, *equivariant),
        **draws,
        CHARTS: _charted(networks, charts[CHARTS], *equivariant, lambda codes, _: equivariant[0].decode(codes)),
        ALL: _charted(
            networks,
            charts[ALL],
            *spaces[TOGETHER],
            lambda codes, classes: moving.decode(codes, conditions(classes, classes)),
        ),
    }
    controls = tuple(
        control for model, draw in draws.items() for control in class_control(networks, model, draw, conditions.labels)
    )
    strips, columns = _pictures(networks, {name: draws[name] for name in draws if name != CHARTS}, conditions)
    return CombinedResult(
        name="combined",
        seed=networks.seed,
        images=len(networks.test),
        claims=tuple(judge(_words(networks)[2], reports, controls) for judge in (conditions_claim, charts_claim)),
        table=_table(networks, reports, controls),
        about=(
            "Gap ratios of moved codes of originals: the loss beyond the entropy, over that of the same network's "
            f"direct views (floor and entropy, in {reports[EXACT].unit} per image, are means of the views); 'asked' is "
            "the share of augmented images, drawn from moved codes of originals with another class in the condition, "
            "that the classifier gives that class; 'view' the share that the detector finds in the right view. LAVAE "
            "knows no classes: what it shows of another class is by mistake. "
            "Charts of classes are invertible networks fitted to the codes of each class, upright; a code "
            "goes through the chart of its class and back through that of the other, then is moved. Where the class "
            "stays, that is the plain operator."
        ),
        strips=strips,
        columns=columns,
        reports=reports,
        controls=controls,
    )


def conditional_operators(
    networks: BaselineNetworks, space: CVAE, conditions: Conditions, joint: Mapping[Word, Array] | None = None
) -> OperatorRegistry:
    """Operators fitted by the laws on codes that were encoded under their true class.

    Args:
        networks: What is compared.
        space: The latent space.
        conditions: What it is told: the class.
        joint: Operators that were learned along; they are kept.
    """
    views = networks.closed
    moments = ViewMoments(views.words, space.dim)
    for codes in _codes(networks, space, conditions):
        moments.add(codes)
    registry = OperatorRegistry.of(space, networks.catalog)
    registry.set_matrices(joint or {}, fit=JOINT, moments=moments)
    fresh = [word for word in views.generators if word not in (joint or {})]
    registry.fit(moments, fresh, None, FitOptions(seed=networks.seed))
    return registry


def _codes(
    networks: BaselineNetworks, space: CVAE, conditions: Conditions
) -> Iterator[Float[Tensor, "view batch latent"]]:
    """The codes of all views of the training images, encoded under their true class, batch by batch."""
    views, split = networks.closed, networks.dataset.train
    for start in range(0, len(split), BATCH):
        part = slice(start, start + BATCH)
        images, ids = split.batch(part)
        labels = split.labels[part]
        told = conditions(labels, labels).repeat(len(views), 1)  # view by view
        codes = space.encode(views.make(images, ids).flatten(0, 1).to(networks.device), told.to(networks.device))
        yield codes.view(len(views), len(images), -1).cpu()


def _charts(
    networks: BaselineNetworks, registry: OperatorRegistry, batches: Iterable[Float[Tensor, "view batch latent"]]
) -> ClassCharts:
    """Charts fitted to the codes of all views of the training images."""
    views, group = networks.closed, networks.closed.group
    # a view that cannot be undone tells nothing of the original
    undone = len(views) if group is not None and set(group.generators) == set(views.generators) else 1
    codes = torch.cat([batch[:undone] for batch in batches], dim=1)
    operators = [registry.operator(word) for word in views.words[:undone]]
    labels = networks.dataset.train.labels
    return ClassCharts.fit(codes, labels, operators, steps=networks.size.fitting, seed=networks.seed)


def _charted(
    networks: BaselineNetworks,
    charts: ClassCharts,
    space: LatentSpace,
    registry: OperatorRegistry,
    decode: Callable[[Tensor, Tensor], Tensor],
) -> Draw:
    """Originals encoded, brought to other classes by the charts, moved by operators, and drawn given the classes."""
    labels = networks.test.labels.to(networks.device)
    codes = space.encode(networks.shown[0])

    def draw(view: int, classes: Tensor) -> Tensor:
        changed = charts.change(codes, labels, classes)
        return decode(registry.operator(networks.views.words[view]).apply(changed), classes)

    return draw


def _known(networks: BaselineNetworks, space: CVAE, conditions: Conditions) -> LatentSpace:
    labels = networks.test.labels.to(networks.device)
    return space.given(conditions(labels, labels))


def _measured(networks: BaselineNetworks, space: LatentSpace, registry: OperatorRegistry) -> CompositionReport:
    images, ids = networks.test.batch(slice(None))
    return measure_composition(
        space,
        UnreducedOperators(registry),
        networks.catalog,
        images.to(networks.device),
        networks.views.generators,
        ids=ids,
        seed=networks.seed,
        batch_size=len(images),  # conditions belong to all images at once
    )


def _ignoring(networks: BaselineNetworks, space: LatentSpace, registry: OperatorRegistry) -> Draw:
    """What a latent space without classes draws, whatever the class asked for."""
    codes = space.encode(networks.shown[0])

    def draw(view: int, classes: Tensor) -> Tensor:  # noqa: ARG001 (that is the point)
        return space.decode(registry.operator(networks.views.words[view]).apply(codes))

    return draw


def _words(networks: BaselineNetworks) -> tuple[str, str, str, str]:
    """Both augmentations and both their products."""
    show = networks.catalog.display
    first, second = networks.views.generators
    return show(first), show(second), show(first * second), show(second * first)


def _gap(report: CompositionReport, word: str, view: str = "id") -> float | None:
    score = report.get(word, view)
    return None if score is None else score.gap_ratio


def _table(networks: BaselineNetworks, reports: Mapping[str, CompositionReport], controls: Sequence[Control]) -> Table:
    words = _words(networks)
    augmented = {control.model: control for control in controls if control.inputs == "augmented"}
    rows: list[tuple[str | float | None, ...]] = []
    for model, report in reports.items():
        control = augmented.get(model)
        rows.append(
            (
                model,
                sum(report.floor[name] for name in networks.names) / len(networks.names),
                sum(report.entropy[name] for name in networks.names) / len(networks.names),
                *(_gap(report, word) for word in words),
                _gap(report, "id", words[2]),
                None if control is None else control.asked,
                None if control is None else control.view,
            )
        )
    return Table(("model", "floor", "entropy", *words, f"back from {words[2]}", "asked", "view"), tuple(rows))


def _is_decided(report: CompositionReport, product: str) -> bool:
    """Whether a model draws images so that moving nothing would show; codes that know nothing always stay together."""
    score = report.get(product)
    return score is not None and is_decided(score.identity_ratio)


def conditions_claim(product: str, reports: Mapping[str, CompositionReport], controls: Sequence[Control]) -> Claim:
    """Whether class conditions and operators, trained together, keep the composition and gain the class."""
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
        stays and gained if all(_is_decided(reports[model], product) for model in (EQUIVARIANT, TOGETHER)) else None,
        {
            "gap_together": gaps[TOGETHER],
            "gap_lavae": gaps[EQUIVARIANT],
            "gap_afterwards": gaps[AFTERWARDS],
            "asked_together": control.asked,
            "asked_afterwards": asked[AFTERWARDS].asked,
            "ceiling": control.ceiling,
        },
    )


def charts_claim(product: str, reports: Mapping[str, CompositionReport], controls: Sequence[Control]) -> Claim:
    """Whether charts of classes bring the class under control at no cost to the operators."""
    asked = {control.model: control for control in controls if control.inputs == "augmented"}
    gaps = {model: reports[model].worst_gap_ratio or math.nan for model in (CHARTS, ALL)}
    best = max(
        (CHARTS, ALL),
        key=lambda model: (_is_decided(reports[model], product), gaps[model] <= CLOSE, asked[model].asked),
    )
    control = asked[best]
    return Claim(
        "17",
        "Conditions, operators and flows make one model: classes are asked for, and composition stays.",
        f"{best}: {control.asked:.1%} of moved images show the class asked for (unchanged ones their own: "
        f"{control.unchanged:.1%}, true ones {control.ceiling:.1%}; without charts {asked[TOGETHER].asked:.1%}) and "
        f"{control.view:.1%} the view, and the worst gap ratio of a word is {gaps[best]:.3f}.",
        control.asked >= SHOWN and gaps[best] <= CLOSE if _is_decided(reports[best], product) else None,
        {
            "asked_lavae": asked[CHARTS].asked,
            "asked_conditions": asked[ALL].asked,
            "asked_without": asked[TOGETHER].asked,
            "unchanged": control.unchanged,
            "view": control.view,
            "worst_gap_lavae": gaps[CHARTS],
            "worst_gap_conditions": gaps[ALL],
            "ceiling": control.ceiling,
        },
    )


def _pictures(
    networks: BaselineNetworks, draws: Mapping[str, Callable[[int, Tensor], Tensor]], conditions: Conditions
) -> tuple[Strips, Mapping[str, Sequence[str]]]:
    rows, labels = shown_rows(networks), networks.test.labels.to(networks.device)
    other = other_classes(labels, conditions.labels, networks.seed)
    strips: dict[str, Tensor] = {"true": torch.stack([view[rows] for view in networks.shown], dim=1)}
    columns: dict[str, Sequence[str]] = {"true": networks.names}
    for model, draw in draws.items():
        for heading, classes in (("", labels), (", another class", other)):
            if heading and model == EQUIVARIANT:
                continue
            title = model + heading
            drawn = [draw(view, classes)[rows] for view in range(len(networks.views))]
            strips[title], columns[title] = torch.stack(drawn, dim=1), networks.names
    return strips, columns


def draw_combined(result: CombinedResult, path: Path) -> Path:
    """Write gap ratios, control of the class and pictures as PNG."""
    figure = figures.empty(15, 6.5, dpi=DPI)
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
