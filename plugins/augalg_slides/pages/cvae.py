"""Conditional latent spaces beside LAVAE: classes changed, augmentations told, products asked for (slides 14 to 16)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from augalg_slides.baselines.conditional import Conditions
from augalg_slides.baselines.control import Control, Draw, class_control, mean_of, other_classes, probe_accuracy
from augalg_slides.baselines.cvae import CVAE
from augalg_slides.baselines.scores import (
    EQUIVARIANT,
    EXACT,
    PUBLISHED,
    SHIFTED,
    SUM,
    THROUGH,
    TOLD,
    ConditionedModel,
    Score,
    Yardstick,
    pick,
)
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
from augalgebra.documents import figures
from augalgebra.operators import Operator

ORIGINALS, AS_ORIGINALS = "CVAE, originals in", "CVAE, originals in, all taken for originals"
TAUGHT, ANY, OWN = "CVAE, product taught", "CVAE, any view in", "CVAE, own view in"
COPIES = 4
ENLARGED = f"CVAE, own view in, condition × {COPIES}"
BY_CLASS, BY_BOTH = "CVAE, class", "CVAE, class and view"
ACTIVE = 0.01
"""Variance over images from which on a coordinate of the codes counts as used (Burda et al. 2016, section 5.2)."""
_ROWS = 5
_HALF = 0.5
_LOSSES = ("entropy per image", "floor per image")
"""Rows of the table that are no ratios."""


@dataclass(frozen=True, kw_only=True)
class CvaeResult(Comparison):
    """What was measured of conditional latent spaces.

    Attributes:
        scores: How well views are drawn from each other.
        controls: What a change of class changes.
        told: Share of augmented views that look like the view that was asked for, where class and view are told and
            the view is changed.
        probes: How well a linear probe tells the view from the code, by model; not a number where codes say nothing.
    """

    scores: tuple[Score, ...]
    controls: tuple[Control, ...]
    told: float
    probes: Mapping[str, float]
    in_json = *Comparison.in_json, "scores", "controls", "told as view_changed", "probes"


@torch.no_grad()
def cvae_on(networks: BaselineNetworks) -> CvaeResult:
    """Train conditional latent spaces and LAVAEs of one size, and measure them side by side.

    Args:
        networks: Images with classes, and what is shared; nine more are trained with its budget if need be.

    Raises:
        AugalgebraError: The data set has no classes, or the augmentations cannot be used.
    """
    by_class = {BY_CLASS: _by_class(networks), BY_BOTH: networks.cvae(BY_BOTH, classes=True, views=len(networks.views))}
    told = {
        ORIGINALS: ConditionedModel(networks, *networks.cvae(ORIGINALS, views=3, sources="original", targets=3)),
        TAUGHT: ConditionedModel(networks, *networks.cvae(TAUGHT, views=4, sources="original")),
        ANY: ConditionedModel(networks, *networks.cvae(ANY, views=3, sources="any", targets=3)),
        OWN: ConditionedModel(networks, *networks.cvae(OWN, views=4)),
        ENLARGED: ConditionedModel(networks, *networks.cvae(ENLARGED, views=4, copies=COPIES)),
    }
    yardstick = Yardstick(networks)
    scores = list(yardstick.scores)
    for model, space in told.items():
        if model != ENLARGED:
            scores += space.scores(model, yardstick)
    scores += told[ORIGINALS].scores(AS_ORIGINALS, yardstick, as_original=True)
    controls = [
        control
        for model, (space, conditions) in by_class.items()
        for control in class_control(networks, model, conditional_draw(networks, space, conditions), conditions.labels)
    ]
    probes = _probes(networks, told, by_class[BY_CLASS])
    strips, columns = _pictures(networks, told, by_class[BY_CLASS])
    return CvaeResult(
        name="cvae",
        seed=networks.seed,
        images=len(networks.test),
        claims=_claims(networks.names, scores, controls, probes),
        table=_table(networks.names, scores),
        about=(
            "Gap ratios: the loss beyond the entropy, over that of a LAVAE (published stage 1) that encodes and "
            "decodes the wanted view itself; 1 is as good as that. 'From views' is the mean over the augmented views "
            "moved to the original and to each other. Sum: the product is asked for by the sum of both conditions, "
            "which was not trained; less original: with the condition of the original taken off; through images: one "
            "letter after the other, what was drawn of the first being encoded again. All networks have the same size, "
            "optimiser and number of drawn images."
        ),
        strips=strips,
        columns=columns,
        scores=tuple(scores),
        controls=tuple(controls),
        told=_view_changed(networks, *by_class[BY_BOTH]),
        probes=probes,
    )


def _by_class(networks: BaselineNetworks) -> tuple[CVAE, Conditions]:
    return networks.cvae(BY_CLASS, classes=True)


def conditional_draw(
    networks: BaselineNetworks, space: CVAE, conditions: Conditions, moved: Sequence[Operator] = ()
) -> Draw:
    """Encode views under their true class, and draw them under another.

    Args:
        networks: What is compared.
        space: The latent space.
        conditions: What it is told.
        moved: Operators that lead from originals to the views; without them the views themselves are encoded.
    """
    labels = networks.test.labels.to(networks.device)

    def draw(view: int, classes: Tensor) -> Tensor:
        source = 0 if moved else view
        codes = space.encode(networks.shown[source], conditions(labels, torch.full_like(labels, source)))
        codes = moved[view].apply(codes) if moved else codes
        return space.decode(codes, conditions(classes, torch.full_like(classes, view)))

    return draw


def _view_changed(networks: BaselineNetworks, space: CVAE, conditions: Conditions) -> float:
    """How often an original that is to be drawn in another view looks like that view, its class told as it is."""
    labels = networks.test.labels.to(networks.device)
    codes = space.encode(networks.shown[0], conditions(labels, torch.zeros_like(labels)))
    hits = [
        networks.classifiers.view_numbers(space.decode(codes, conditions(labels, torch.full_like(labels, view))))
        == view
        for view in range(1, len(networks.views))
    ]
    return float(torch.stack(hits).float().mean())


def _probes(
    networks: BaselineNetworks, told: Mapping[str, ConditionedModel], by_class: tuple[CVAE, Conditions]
) -> dict[str, float]:
    labels = networks.test.labels.to(networks.device)
    space, conditions = by_class
    known = conditions(labels, labels)
    codes = {
        "LAVAE": [networks.lavae().encode(view) for view in networks.shown],
        EQUIVARIANT: [networks.equivariant()[0].encode(view) for view in networks.shown],
        BY_CLASS: [space.encode(view, known) for view in networks.shown],
        OWN: told[OWN].codes(),
        ENLARGED: told[ENLARGED].codes(),
    }
    return {model: _probed(torch.stack(views)) for model, views in codes.items()}


def _probed(codes: Tensor) -> float:
    """How well the view is told from codes ``[view, image, latent]``; not a number where no coordinate is in use.

    Codes that say nothing of the image still differ by what the encoder is told, so that a probe would tell all of it.
    """
    used = codes.var(dim=1).mean(dim=0) > ACTIVE
    return probe_accuracy(codes) if bool(used.any()) else math.nan


def _table(names: Sequence[str], scores: Sequence[Score]) -> Table:
    original, first, second, product = names
    rows: list[tuple[str | float | None, ...]] = []

    def cell(model: str, word: str, way: str) -> float | None:
        found = [score for score in pick(scores, model=model, view=[original], word=[word]) if score.way == way]
        return found[0].gap_ratio if found else None

    exact = pick(scores, model=EXACT)
    still = {(score.view, score.word): score.identity_ratio for score in exact}
    turned = [(first, original), (second, original), (first, second), (second, first)]
    rows.append(
        (
            "nothing moved",
            *(still.get((original, word)) for word in (first, second, product)),
            mean_of(still[pair] for pair in turned if pair in still),
        )
    )
    by_word = {score.word: score for score in exact}
    for title, name in zip(_LOSSES, ("entropy", "floor"), strict=True):
        rows.append((title, *(getattr(by_word[word], name) for word in (first, second, product)), None))
    rows += [
        (model, *(cell(model, word, "operators") for word in names[1:]), _from_views(names, scores, model))
        for model in (PUBLISHED, EXACT, EQUIVARIANT)
    ]
    for model, ways in (
        (ORIGINALS, (SUM, SHIFTED, THROUGH)),
        (ANY, (SUM, SHIFTED, THROUGH)),
        (OWN, (TOLD,)),
        (TAUGHT, (TOLD,)),
    ):
        singles = [cell(model, word, TOLD) for word in (first, second)]
        turned_by = _from_views(names, scores, model)
        rows += [(f"{model}; {way}", *singles, cell(model, product, way), turned_by) for way in ways]
    return Table(("model", first, second, product, "from views"), tuple(rows))


def _augmented(names: Sequence[str], scores: Sequence[Score], model: str) -> list[Score]:
    """Scores from augmented views to the original and to each other."""
    return pick(scores, model=model, view=names[1:3], word=names[:3])


def _from_views(names: Sequence[str], scores: Sequence[Score], model: str) -> float:
    return mean_of(score.gap_ratio for score in _augmented(names, scores, model))


def above(value: float, bar: float = _HALF) -> bool | None:
    """Whether a number is above a bar; None if there is no number."""
    return None if math.isnan(value) else value > bar


def _claims(
    names: Sequence[str], scores: Sequence[Score], controls: Sequence[Control], probes: Mapping[str, float]
) -> tuple[Claim, ...]:
    original, first, second, product = names

    def best(model: str) -> Score:
        asked = [score for score in pick(scores, model=model, view=[original], word=[product]) if score.way != TOLD]
        return max(asked, key=lambda score: -math.inf if math.isnan(score.share) else score.share)

    def operators(model: str) -> float:
        return pick(scores, model=model, view=[original], word=[product])[0].share

    single = mean_of(score.share for score in pick(scores, model=ORIGINALS, view=[original], word=[first, second]))
    composed, any_composed = best(ORIGINALS), best(ANY)
    turned = max(
        (mean_of(score.share for score in _augmented(names, scores, model)) for model in (ORIGINALS, AS_ORIGINALS)),
        key=lambda value: -math.inf if math.isnan(value) else value,
    )
    turned_any = mean_of(score.share for score in _augmented(names, scores, ANY))
    switched = mean_of(score.share for score in pick(scores, model=OWN) if score.way == TOLD)
    changed = next(item for item in controls if (item.model, item.inputs) == (BY_CLASS, "augmented"))
    emerged = above(composed.share)
    fed, refused = above(single), above(turned)
    return (
        Claim(
            "15",
            "A changed class does not change how an augmented input is drawn: it keeps its view.",
            f"the detector finds the input's view in {changed.view:.1%} of the drawn images when the class is changed, "
            f"in {changed.view_unchanged:.1%} when it is not, and in {changed.view_ceiling:.1%} of true images.",
            changed.view >= 0.9 * changed.view_unchanged if changed.told_apart else None,
            {"view_changed": changed.view, "view_unchanged": changed.view_unchanged, "ceiling": changed.view_ceiling},
        ),
        Claim(
            "15",
            "The condition has no effect on augmented inputs (the slide's words taken literally).",
            f"with the class changed, {changed.asked:.1%} of augmented inputs show the class asked for and "
            f"{changed.kept:.1%} still their own (true images: {changed.ceiling:.1%}).",
            changed.asked < changed.kept if changed.told_apart else None,
            {"asked": changed.asked, "kept": changed.kept, "ceiling": changed.ceiling},
        ),
        Claim(
            "16",
            "A CVAE trained like LAVAE learns to decode each augmentation of an original.",
            f"it makes {single:.0%} of the way from doing nothing to the floor.",
            fed,
            {"share": single},
        ),
        Claim(
            "16",
            "Composition does not emerge in a CVAE trained like LAVAE.",
            f"asked by its best way ({composed.way}) for {product} it makes {composed.share:.0%} of the way, at gap "
            f"ratio {composed.gap_ratio:.2f}; trained from any view to any ({any_composed.way}) it makes "
            f"{any_composed.share:.0%}; LAVAE's operators make {operators(PUBLISHED):.0%} (published), "
            f"{operators(EXACT):.0%} (by the laws) and {operators(EQUIVARIANT):.0%} (equivariant).",
            None if emerged is None else not emerged,
            {
                "share": composed.share,
                "gap_ratio": composed.gap_ratio,
                "any_view": any_composed.share,
                "lavae_published": operators(PUBLISHED),
                "lavae_exact": operators(EXACT),
                "lavae_equivariant": operators(EQUIVARIANT),
            },
        ),
        Claim(
            "16",
            "A CVAE trained like LAVAE takes original images only, where LAVAE goes from any view to any.",
            f"from augmented views it makes {turned:.0%} of the way; trained on any view {turned_any:.0%}, trained on "
            f"each view by itself and asked for another {switched:.0%}.",
            None if fed is None or refused is None else fed and not refused,
            {"share": turned, "any_view": turned_any, "own_view": switched},
        ),
        Claim(
            "14",
            "Enlarging the condition partitions the latent space.",
            f"a linear probe tells the view from the code in {_share(probes[OWN])}, with the condition repeated "
            f"{COPIES} times in {_share(probes[ENLARGED])}; in LAVAE {_share(probes['LAVAE'])}; chance is 25 %.",
            None if math.isnan(probes[ENLARGED]) else probes[ENLARGED] > 0.9,
            {"plain": probes[OWN], "enlarged": probes[ENLARGED], "lavae": probes["LAVAE"]},
        ),
        Claim(
            "14",
            "In a CVAE the distribution of codes does not depend on the condition.",
            f"where the view is told, a linear probe tells it from the code in {_share(probes[OWN])}, in LAVAE in "
            f"{_share(probes['LAVAE'])}; chance is 25 %.",
            None if math.isnan(probes[OWN]) else probes[OWN] < _HALF,
            {"told": probes[OWN], "lavae": probes["LAVAE"]},
        ),
    )


def _share(probe: float) -> str:
    return "no case that counts (its codes say nothing of the image)" if math.isnan(probe) else f"{probe:.1%} of cases"


def shown_rows(networks: BaselineNetworks) -> list[int]:
    """The first test images of some classes."""
    labels = networks.test.labels.tolist()
    return [labels.index(label) for label in sorted(set(labels))][-_ROWS:]


def _pictures(
    networks: BaselineNetworks, told: Mapping[str, ConditionedModel], by_class: tuple[CVAE, Conditions]
) -> tuple[Strips, Mapping[str, Sequence[str]]]:
    rows = shown_rows(networks)
    _, first, second, product = networks.names
    space, registry = networks.equivariant()
    codes = space.encode(networks.shown[0])
    moved = [space.decode(registry.operator(word).apply(codes))[rows] for word in networks.views.words[1:]]
    strips: dict[str, Tensor] = {"true": torch.stack([view[rows] for view in networks.shown], dim=1)}
    columns: dict[str, Sequence[str]] = {"true": networks.names}
    strips["LAVAE, equivariant"], columns["LAVAE, equivariant"] = torch.stack(moved, dim=1), (first, second, product)
    for model in (ORIGINALS, ANY):
        asked = told[model]
        images = networks.shown[0]
        drawn = [asked.drawn(images, asked.weights(0), asked.weights(view)) for view in (1, 2)]
        drawn += [asked.product(images, way) for way in (SUM, SHIFTED, THROUGH)]
        strips[model] = torch.stack([item[rows] for item in drawn], dim=1)
        columns[model] = (first, second, "sum", "less orig.", "through")
    known, conditions = by_class
    labels = networks.test.labels
    other = other_classes(labels, conditions.labels, networks.seed).to(networks.device)
    draw = conditional_draw(networks, known, conditions)
    strips["class changed"] = torch.stack(
        [networks.shown[1][rows], draw(1, labels.to(networks.device))[rows], draw(1, other)[rows]], dim=1
    )
    columns["class changed"] = ("input", "its class", "another")
    return strips, columns


def draw_cvae(result: CvaeResult, path: Path) -> Path:
    """Write gap ratios of the product, control of class and view, separation of views, and pictures, as PNG."""
    figure = figures.empty(14, 7, dpi=DPI)
    grid = figure.add_gridspec(2, 1, height_ratios=[3, 2.4])
    upper = grid[0].subgridspec(1, 3, width_ratios=[1.3, 1, 1])
    product = result.table.headings[3]
    rows = [row for row in result.table.rows if row[0] not in _LOSSES]
    names = [str(row[0]) for row in rows]
    ratios = [float(row[3] or math.nan) for row in rows]
    draw_bars(figure.add_subplot(upper[0]), names, ratios, title=f"gap ratio of {product} from originals", line=1.0)
    changed = {
        f"{control.model}, {control.inputs}: {name}": value
        for control in result.controls
        for name, value in (("class asked for", control.asked), ("view kept", control.view))
    }
    draw_bars(figure.add_subplot(upper[1]), list(changed), list(changed.values()), title="class changed", line=1.0)
    draw_bars(
        figure.add_subplot(upper[2]),
        list(result.probes),
        list(result.probes.values()),
        title="view told from the code",
        line=0.25,
    )
    draw_strips(figure, grid[1], result)
    return figures.write(figure, path)
