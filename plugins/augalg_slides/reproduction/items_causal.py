"""The experiments of `augalg_slides.reproduction.reproduce` on causal models: of pendulums, and of digits."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from augalg_slides.pages.causal import (
    PUBLISHED,
    LearnedGraph,
    StrokesFindings,
    digits_claim,
    left_unexplained,
    measure_digits,
    measure_graph,
    pendulum_claims,
    score_rows,
)
from augalg_slides.reproduction.context import RUNS, ExperimentContext, Outcome, TrainedClaim
from augalgebra.algebra import IDENTITY
from augalgebra.causal import CausalReport, CausalSettings, GraphPrior, prepare
from augalgebra.data import Dataset, morpho_data, pendulum_data
from augalgebra.documents import Block, Picture, Table, Text
from augalgebra.reports import draw_causal_graph, draw_counterfactuals, draw_ranges
from augalgebra.runs import CausalRun, find_or_train_causal, train_classifier
from augalgebra.storage import digest_of

_CAUSES, _EFFECTS = ("light", "angle"), ("shadow_length", "shadow_position")
_SHOWN = 6
_LONGER = 3
"""How many times as many images causal models are shown as autoencoders of glyphs."""
_KINDS = ("network", "linear")
_GRAPHS = 5
"""Graphs that are learned from labels for each seed of the experiment, each with a seed of its own."""
_BATCH = 64
_HEADINGS = ("what", "error", "floor", "ratio", "nothing done")


def causal(context: ExperimentContext) -> Outcome:
    """Graphs learned with the priors of the slides, counterfactuals and edited worlds of pendulums (3, 4 and 17)."""
    # as many as there are, but for the shortest plan
    data = pendulum_data().part(None if context.plan.glyphs >= 1000 else context.plan.glyphs)
    claims: list[TrainedClaim] = []
    blocks: list[Block] = []
    for kind in _KINDS:
        context.tell(f"pendulums, {kind} mechanisms")
        prior = GraphPrior.roles(_CAUSES, _EFFECTS)
        run = _run(context, data, _settings(context, data, prior=prior, mechanisms=kind), f"pendulum-{kind}")
        report = run.check(images=context.plan.images, data=data)
        graphs = _learn_graphs(context, data, prior, kind)
        found = pendulum_claims(run, report, run.partition(images=context.plan.images, data=data), graphs)
        claims += [TrainedClaim(claim, f"{kind} mechanisms") for claim in found]
        blocks += [_graph_table(graphs, run, kind), *_pendulum_blocks(context, run, report, data, kind)]
    blocks += _without_priors(context, data)
    blocks.append(
        Text(
            "The priors say that nothing causes light and angle, and that anything may cause the shadow. Errors are "
            "mean squared differences of pixels from true pictures; the floor encodes and decodes these. Where an edge "
            "is cut its cause counts as if it had its mean."
        )
    )
    return Outcome(tuple(claims), tuple(blocks))


def digits(context: ExperimentContext) -> Outcome:
    """Counterfactuals of digits with thickness, slant and intensity, beside a published benchmark (slide 3)."""
    plan, data = context.plan, morpho_data(context.dataset)
    context.tell("digits with causes")
    run = _run(context, data, _settings(context, data, rest=plan.dim), "strokes")
    report = run.check(images=plan.repeated, data=data)  # each takes a dozen true pictures of about 10 ms
    classifier = train_classifier(data.train, context.catalog, [IDENTITY], seed=context.seed)
    found = measure_digits(run, report, data, classifier, images=plan.images)
    comparable = context.dataset.name == "mnist"
    image, _ = data.test.batch(slice(1))
    rows, columns = data.image_shape[1:]
    ranges = draw_ranges(run, image, context.picture("causal-digits"))
    scores = Table(
        "Counterfactuals of digits, errors per pixel", _HEADINGS, score_rows(report.counterfactuals), digits=5
    )
    blocks = (
        _benchmark(found, data.name),
        Text(
            "Both rows that were published are of MNIST, with the digit as a concept: their digit is the one that was "
            f"asked for, ours the one that should stay. Ours are of {data.name}, digits changed by "
            "`augalgebra.data.set_strokes`, with slant as a third concept; the digit is left to coordinates that no "
            "concept names. Their thickness and intensity are what trained networks see in a counterfactual, ours what "
            "`measure_strokes` finds in its pixels. Their composition is a mean over 32 × 32 pixels, a margin of two "
            f"among them, ours over {rows} × {columns} without a margin, which makes ours larger. No Fréchet distance "
            "was measured, since it needs a network that is not at hand."
        ),
        scores,
        Picture(ranges, "One digit with each concept set to values over its range."),
    )
    return Outcome((TrainedClaim(digits_claim(found, comparable=comparable), "network mechanisms"),), blocks)


def _settings(context: ExperimentContext, data: Dataset, **more: object) -> CausalSettings:
    plan = context.plan
    settings = CausalSettings(
        width=2 * plan.glyph_width,
        steps=max(1, _LONGER * plan.glyph_samples // _BATCH),
        seconds=None,
        batch_size=_BATCH,
        seed=context.seed,
        device=context.device,
    )
    return replace(settings, **more).for_data(data)  # type: ignore[arg-type]  # fields by name


def _run(context: ExperimentContext, data: Dataset, settings: CausalSettings, name: str) -> CausalRun:
    """A run, trained unless it is there; as it lies on disk, so that numbers are the same either way."""
    digest = digest_of(replace(settings, device="auto").to_dict(), data.fingerprint)[:8]
    folder: Path = context.folder / RUNS / f"{name}-seed{context.seed}-{digest}"
    find_or_train_causal(folder, data, settings, progress=context.progress, notes=context.notes)
    return CausalRun.load(folder)


def _pendulum_blocks(
    context: ExperimentContext, run: CausalRun, report: CausalReport, data: Dataset, kind: str
) -> list[Block]:
    split = data.test.sample(_SHOWN)
    pictures, _ = split.batch(slice(None))
    graph = draw_causal_graph(
        run.model.graph, context.picture(f"causal-graph-{kind}"), weights=run.weights, beside=run.true_graph
    )
    blocks: list[Block] = [
        Picture(
            graph, f"The graph with {kind} mechanisms: red edges are not in the true graph, dashed ones only there."
        ),
        Table(
            f"Pendulums with {kind} mechanisms: counterfactuals and edited worlds, errors per pixel",
            _HEADINGS,
            score_rows((*report.counterfactuals, *report.edits)),
            digits=5,
        ),
    ]
    if kind == _KINDS[0]:
        value = float(run.model.high[run.model.graph.index("light")])
        found = run.show_counterfactuals(pictures, {"light": value}, factors=split.factors)
        path = draw_counterfactuals(found, context.picture("causal-light"), title=f"light = {value:.3g}")
        blocks.append(Picture(path, "Test images, and what they would look like with the light elsewhere."))
        edges = [edge for edge in run.model.graph.sorted_edges if edge[0] == "light"]
        if edges:
            run.keep_edits("cut", run.edited().cut(*edges[0]))
            found = run.show_counterfactuals(pictures, {"light": value}, edit="cut", factors=split.factors)
            path = draw_counterfactuals(found, context.picture("causal-cut"), title=f"{'>'.join(edges[0])} cut")
            blocks.append(
                Picture(path, f"The same where {edges[0][1]} does not follow the light: no such picture exists.")
            )
    return blocks


def _learn_graphs(context: ExperimentContext, data: Dataset, prior: GraphPrior, kind: str) -> tuple[LearnedGraph, ...]:
    """Graphs learned with several seeds; of the labels alone, as all graphs are."""
    found = []
    for seed in range(_GRAPHS * context.seed, _GRAPHS * (context.seed + 1)):
        context.tell(f"graph with {kind} mechanisms, seed {seed}")
        settings = _settings(context, data, prior=prior, mechanisms=kind, seed=seed)
        found.append(measure_graph(prepare(data, settings), data, seed))
    return tuple(found)


def _graph_table(graphs: Sequence[LearnedGraph], run: CausalRun, kind: str) -> Table:
    return Table(
        f"Graphs learned with {kind} mechanisms, knowing what has no causes; edges below {run.settings.threshold:g} "
        "deviations are left out",
        ("seed", "edges that differ", "area under the curve", "weakest true edge", "strongest other edge"),
        tuple((graph.seed, graph.distance, graph.area, graph.weakest, graph.strongest) for graph in graphs),
    )


def _without_priors(context: ExperimentContext, data: Dataset) -> list[Block]:
    """What labels tell of the graph where nothing else is known: not which way its edges go."""
    concepts = (*_CAUSES, *_EFFECTS)
    rows = []
    for known, prior in (("an order", GraphPrior.order(concepts)), ("nothing", GraphPrior.free(concepts))):
        context.tell(f"graph, {known} known")
        graph = measure_graph(prepare(data, _settings(context, data, prior=prior)), data, context.seed)
        rows.append((known, graph.distance, graph.area))
    left = sorted(left_unexplained(data.train.factors).items(), key=lambda item: (concepts.index(item[0][0]), item[0]))
    return [
        Table(
            "Graphs learned with network mechanisms",
            ("known", "edges that differ", "area under the curve"),
            tuple(rows),
        ),
        Table(
            "Share of the variance of a label that two others leave unexplained, by the images nearest in these",
            ("concept", "others", "share"),
            tuple((concept, ", ".join(others), share) for (concept, others), share in left),
        ),
        Text(
            "Effects have no noise here, so that light, angle and position of the shadow each follow from the two "
            "others: labels tell that they belong together, and not which way. What has no causes must be known."
        ),
    ]


def _benchmark(found: StrokesFindings, name: str) -> Table:
    headings = (
        "model",
        "composition, 1",
        "composition, 10",
        "thickness, pixels",
        "intensity, shades",
        "digit",
        "Fréchet distance",
    )
    rows: list[tuple[str | float | None, ...]] = [
        (f"causal model, {name}", *found.composition, *found.errors.values(), found.digit, None)
    ]
    rows += [
        (f"{model}, published", *item.composition, item.thickness, item.intensity, item.digit, item.fid)
        for model, item in PUBLISHED.items()
    ]
    return Table(
        "Counterfactuals of digits beside the published ones; composition in shades of 255", headings, tuple(rows)
    )
