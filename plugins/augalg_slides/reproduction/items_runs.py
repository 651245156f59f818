"""Experiments of `augalg_slides.reproduction.reproduce` on shared runs: the published recipe beside ours."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from augalg_slides.evidence.claims import Claim
from augalg_slides.measures.projection import Method, methods_for
from augalg_slides.pages.composition import composition_claims
from augalg_slides.pages.fractions import Fractions, draw_fractions, measure_fractions
from augalg_slides.pages.geometry import Geometry, draw_geometry, measure_geometry
from augalg_slides.pages.recursion import Recursion, draw_outcomes, draw_trajectories, measure_repeats
from augalg_slides.pages.sampling import Sampling, draw_sampling, measure_sampling
from augalg_slides.reproduction.context import TITLES, TRAININGS, ExperimentContext, Kind, Outcome, TrainedClaim
from augalgebra.algebra import queries
from augalgebra.consistency import (
    CompositionReport,
    RecursionReport,
    UnreducedOperators,
    WordScore,
    measure_composition,
)
from augalgebra.documents import Block, Cayley, Picture, Table, Text
from augalgebra.documents import figures as plots
from augalgebra.operators import FitOptions, OperatorRegistry
from augalgebra.plain import finite
from augalgebra.reports import STYLE, cayley_of, draw_gallery, draw_gap_chart, draw_recursion, gallery_panel
from augalgebra.runs import Run, images_of_run, interpolate, repeated_pictures
from augalgebra.training import Views, fit_operators

_SHOWN = (1, 2, 3, 5, 10, 20, 30, 50, 100)
_BY_LAWS = "published stage 1, operators by the laws"
_ENDS = (4, 9)
"""What slide 10 interpolates between."""
_STEPS, _ROWS = 7, 5
_MOST_ELEMENTS = 48


def recursion(context: ExperimentContext) -> Outcome:
    """A word repeated through decoder and encoder (slides 8 and 9)."""
    claims, blocks = list[TrainedClaim](), list[Block]()
    word, plan = context.plan.augmentations[0], context.plan
    for kind in TRAININGS:
        run, title = context.run(kind), TITLES[kind]
        context.tell(f"{word} repeated, {title}")
        found = measure_repeats(run, word, repeats=plan.repeats, images=plan.repeated, data=context.dataset)
        claims += _stated(found.claims, title)
        blocks.append(_repeats_table(found.report, f"{word} repeated, {title}: loss in {found.report.unit} per image"))
        blocks.append(
            Picture(
                _draw_repeats(context, run, found, kind),
                f"{title}: loss against repeats, share of images that keep their class, and some images after the "
                "repeats named below them.",
            )
        )
        if any(curve.became for curve in found.report.curves.values()):
            blocks.append(_classes_table(found.report, f"Classes after {plan.repeats} repeats, {title}"))
            blocks.append(
                Picture(
                    draw_outcomes(found.report, context.picture(f"recursion-classes-{kind}")),
                    f"{title}: which class became which after {plan.repeats} repeats, in per cent of each row.",
                )
            )
        method = "ica" if run.space.dim > 2 else "direct"
        if run.space.dim >= 2:
            seven = " and ".join(f"a {label}" for label in found.trajectories[0].labels)
            blocks.append(
                Picture(
                    draw_trajectories(found.trajectories, context.picture(f"recursion-ways-{kind}"), method),
                    f"{title}: where {seven} go in a plane of the latent space; red dots are repeats.",
                )
            )
    return Outcome(tuple(claims), tuple(blocks))


def _draw_repeats(context: ExperimentContext, run: Run, found: Recursion, kind: Kind) -> Path:
    shown = [repeat for repeat in _SHOWN if repeat <= context.plan.repeats]
    pictures = repeated_pictures(
        run, context.plan.augmentations[0], shown, list(found.report.curves), data=context.dataset
    )
    return draw_recursion(found.report, context.picture(f"recursion-{kind}"), pictures=pictures, shown=shown)


def _repeats_table(report: RecursionReport, title: str) -> Table:
    judged = [way for way, curve in report.curves.items() if curve.kept and way != "latent"]
    rows = [
        (
            repeat,
            report.entropy[repeat - 1],
            report.floor[repeat - 1],
            *(curve.bce[repeat - 1] for curve in report.curves.values()),
            *(report.curves[way].kept[repeat - 1] for way in judged),
            report.nothing[repeat - 1],
        )
        for repeat in sorted({*(shown for shown in _SHOWN if shown <= report.repeats), report.repeats})
    ]
    headings = (
        "repeat",
        "entropy",
        "floor",
        *(STYLE[way][1] for way in report.curves),
        *(f"class kept, {STYLE[way][1]}" for way in judged),
        "nothing moved",
    )
    return Table(title, headings, tuple(rows), digits=2)


def _classes_table(report: RecursionReport, title: str) -> Table:
    ways = [way for way, curve in report.curves.items() if curve.became]
    rows = []
    for label in sorted({label for way in ways for label in report.curves[way].became}):
        cells: list[str | float | int | None] = [str(label)]
        for way in ways:
            counts = report.curves[way].became.get(label, {})
            total = sum(counts.values())
            others = {after: count for after, count in counts.items() if after != label}
            most = max(others, key=lambda after: others[after]) if others else None
            cells += [counts.get(label, 0) / total if total else None, "-" if most is None else str(most)]
        rows.append(tuple(cells))
    headings = ("class", *(name for way in ways for name in (f"kept, {STYLE[way][1]}", "else mostly")))
    return Table(title, headings, tuple(rows), digits=2)


def sampling(context: ExperimentContext) -> Outcome:
    """Codes drawn at random, and lines between codes (slide 10)."""
    claims, blocks = list[TrainedClaim](), list[Block]()
    for kind in TRAININGS:
        run, title = context.run(kind), TITLES[kind]
        context.tell(f"sampling, {title}")
        found = measure_sampling(run, data=context.dataset, number=context.plan.images, seed=context.seed)
        claims += _stated(found.claims, title)
        blocks += [
            _sampling_table(found, title),
            Picture(
                draw_sampling(found, context.picture(f"sampling-{kind}")),
                f"{title}: images drawn from codes of each kind, below training images and their reconstructions, "
                "which no sample can better.",
            ),
            _interpolation(context, kind),
        ]
    return Outcome(tuple(claims), tuple(blocks))


def _sampling_table(found: Sampling, title: str) -> Table:
    rows = tuple(
        (name, item.likelihood, item.density, item.coverage, item.confidence) for name, item in found.qualities.items()
    )
    headings = ("codes", "log density", "density", "coverage", "classifier's confidence")
    return Table(
        f"{found.number} images each against test images, {title}; the first two rows are the ceiling", headings, rows
    )


def _interpolation(context: ExperimentContext, kind: Kind) -> Picture:
    """The line between the codes of two test images, moved by every short word."""
    run, catalog = context.run(kind), context.catalog
    labels = context.dataset.test.labels.tolist()
    present = sorted(set(labels))
    ends = _ENDS if set(_ENDS) <= set(present) else (present[0], present[-1])
    first = labels.index(ends[0])
    second = labels.index(ends[1], first + 1 if ends[0] == ends[1] else 0)
    one, other = (catalog.word(name) for name in context.plan.augmentations)
    words = [catalog.word("id"), one, other, one * other, other * one]
    images = context.dataset.test.batch(torch.tensor([first, second]))[0]
    drawn = interpolate(run, images, words, steps=_STEPS)
    names = [catalog.display(word) if word else "not moved" for word in words]
    height, width = drawn.shape[-2:]
    figure = plots.empty(0.75 * _STEPS + 1.6, 0.75 * len(words) + 0.5)
    axes = figure.subplots()
    plots.tiles(axes, drawn)
    plots.label_tiles(axes, (height, width), names, [f"{step / (_STEPS - 1):.2g}" for step in range(_STEPS)])
    axes.set_title(f"Between a {ends[0]} and a {ends[1]}, {TITLES[kind]}", fontsize=9)
    path = plots.write(figure, context.picture(f"interpolation-{kind}"))
    return Picture(
        path,
        f"{TITLES[kind]}: the straight line between the codes of a {ends[0]} and a {ends[1]}, as it is and moved by "
        "each word.",
    )


def fractions(context: ExperimentContext) -> Outcome:
    """Half a flip and a third of a rotation (slide 14)."""
    claims, blocks = list[TrainedClaim](), list[Block]()
    for kind in TRAININGS:
        title = TITLES[kind]
        context.tell(f"fractions, {title}")
        found = measure_fractions(
            context.run(kind),
            data=context.dataset,
            images=context.plan.images,
            fitted=context.plan.fitted,
            unseen=context.plan.unseen,
            seed=context.seed,
        )
        claims += _stated(found.claims, title)
        blocks.append(_fractions_table(found, title))
        reasons = dict.fromkeys(f"{score.of}: {score.reason}" for score in found.scores if score.reason)
        blocks += [Text(f"{title}, {reason}.") for reason in reasons]
        if found.rows:
            path = draw_fractions(found, context.picture(f"fractions-{kind}"))
            blocks.append(
                Picture(path, f"{title}: an image under each fraction, true pixels above where there are any.")
            )
    return Outcome(tuple(claims), tuple(blocks))


def _fractions_table(found: Fractions, title: str) -> Table:
    rows = tuple(
        (
            f"{score.of}, {score.way}",
            "fitted" if score.fitted else "unseen",
            score.truth or "none",
            score.at,
            *(
                (None,) * 5
                if score.gap is None
                else (
                    score.gap.entropy,
                    score.gap.floor,
                    score.gap.excess,
                    finite(score.gap.gap_ratio),
                    finite(score.gap.identity_ratio),
                )
            ),
            score.defect,
        )
        for score in found.scores
    )
    headings = (
        *("of", "", "true pixels", "at", "entropy", "floor", "excess", "gap ratio", "nothing moved"),
        "defect",
    )
    return Table(f"Fractions on {found.images} test images, {title}", headings, rows)


def geometry(context: ExperimentContext) -> Outcome:
    """Where codes of each view lie, and where operators move them (slides 12 and 22)."""
    claims, blocks = list[TrainedClaim](), list[Block]()
    for kind in (*TRAININGS, "flat"):
        run, title = context.run(kind), TITLES[kind]
        context.tell(f"geometry, {title}")
        found = measure_geometry(run, data=context.dataset, images=context.plan.images, seed=context.seed)
        claims += _stated(found.claims, title)
        blocks += _geometry_tables(found, title)
        for method in methods_for(run.space.dim):
            path = draw_geometry(found, context.picture(f"geometry-{kind}-{method}"), method)
            blocks.append(Picture(path, _geometry_caption(title, method)))
    return Outcome(tuple(claims), tuple(blocks))


def _geometry_caption(title: str, method: Method) -> str:
    how = "the two coordinates themselves" if method == "direct" else method.upper().replace("TSNE", "t-SNE")
    return (
        f"{title}, {how}: encoded views to the left, codes moved there by operators to the right; by view, by class. A "
        "view whose codes lie on another's is not drawn again."
    )


def _geometry_tables(found: Geometry, title: str) -> tuple[Table, Table]:
    spreads = tuple((item.view, item.ratio, item.within, item.offset) for item in found.contractions)
    apart = [("views", name, item) for name, item in found.views.items()]
    apart += [("classes", name, item) for name, item in found.classes.items()]
    return (
        Table(
            f"Spread of moved codes over that of encoded ones, {title}",
            ("view", "spread", "within classes", "offset"),
            spreads,
        ),
        Table(
            f"Views and classes told apart, {title}: share told right, cross-validated",
            ("what", "by", "linear", "neighbours", "silhouette", "chance"),
            tuple(
                (what, name, item.linear, item.neighbours, item.silhouette, item.chance) for what, name, item in apart
            ),
        ),
    )


def composition(context: ExperimentContext) -> Outcome:
    """Three stages: what of composition and inverses survives, by operators of three kinds (slides 6 to 8)."""
    reports: dict[str, CompositionReport] = {}
    panels, names = [], context.plan.augmentations
    by_laws = _by_laws(context)
    for title, kind, registry in (
        (TITLES["faithful"], "faithful", context.run("faithful").registry),
        (_BY_LAWS, "faithful", by_laws),
        (TITLES["equivariant"], "equivariant", context.run("equivariant").registry),
    ):
        context.tell(f"composition, {title}")
        run = context.run("equivariant" if kind == "equivariant" else "faithful")
        pictures, labels, ids = images_of_run(run, most=context.plan.images, data=context.dataset)
        reports[title] = measure_composition(
            run.space,
            UnreducedOperators(registry),
            context.catalog,
            pictures,
            names,
            labels=labels,
            ids=ids,
            seed=context.seed,
        )
        known = labels.tolist()
        rows = [known.index(label) for label in sorted(set(known))][-_ROWS:]
        panels.append(
            gallery_panel(
                run.space,
                UnreducedOperators(registry),
                context.catalog,
                pictures[rows],
                names,
                title=f"{context.dataset.name}, {title}",
                report=reports[title],
                seed=context.seed,
                ids=[ids[row] for row in rows],
            )
        )
    chart = draw_gap_chart(
        {"published stage 2": reports[TITLES["faithful"]], "operators by the laws": reports[_BY_LAWS]},
        context.picture("composition-gaps"),
        title="What survives in the latent space of the published stage 1",
    )
    claims = [stated for title, report in reports.items() for stated in _stated(composition_claims(report), title)]
    blocks: list[Block] = [
        _composition_table(reports),
        Picture(
            draw_gallery(panels, context.picture("composition")), "True images, directly decoded ones, and moved ones."
        ),
        Picture(
            chart, "Gap ratio of every word with the same encoder: published stage 2 beside operators by the laws."
        ),
    ]
    return Outcome(tuple(claims), (*blocks, *_cayley(context)))


def _by_laws(context: ExperimentContext) -> OperatorRegistry:
    """Operators on the codes of the published stage 1, such that the laws hold between them."""
    run = context.run("faithful")
    registry = OperatorRegistry.of(run.space, context.catalog)
    views = Views.closed(context.catalog, run.settings.augmentations, seed=context.seed)
    fit_operators(
        registry, run.space, views, context.dataset.train, options=FitOptions(seed=context.seed, readout=True)
    )
    return registry


def _composition_table(reports: dict[str, CompositionReport]) -> Table:
    first = next(iter(reports.values()))
    rows = []
    for score in first.words:
        cells: list[str | float | int | None] = [score.kind, score.view, score.word, score.entropy]
        for report in reports.values():
            other = report.get(score.word, score.view)
            cells += [None] * 3 if other is None else [other.excess, finite(other.gap_ratio), _nothing(other)]
        rows.append(tuple(cells))
    columns = (name for title in reports for name in (f"excess, {title}", f"gap ratio, {title}", "nothing moved"))
    floors = ", ".join(f"{sum(r.floor.values()) / len(r.floor):.4g} ({title})" for title, r in reports.items())
    title = (
        f"Excess over that of the directly encoded view, whose mean loss is {floors}; losses in {first.unit} per image"
    )
    return Table(title, ("what", "from", "to", "entropy", *columns), tuple(rows))


def _nothing(score: WordScore) -> str | float | None:
    """The gap ratio of doing nothing, or why it says nothing."""
    return finite(score.identity_ratio) if score.counts else score.verdict


def _cayley(context: ExperimentContext) -> Iterable[Cayley]:
    """What the trained augmentations generate by their laws, if it is small."""
    words = [context.catalog.word(name) for name in context.plan.augmentations]
    found = queries.cayley_table(context.catalog.system(*words), words, _MOST_ELEMENTS)
    if found.complete:
        title = f"What {' and '.join(map(context.catalog.display, words))} generate"
        yield cayley_of(context.catalog, words, found, title)


def _stated(claims: Sequence[Claim], training: str) -> list[TrainedClaim]:
    return [TrainedClaim(claim, training) for claim in claims]
