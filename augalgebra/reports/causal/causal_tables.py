"""What was measured of a causal model, as tables of a page."""

from augalgebra.causal.measures import CausalReport
from augalgebra.documents import Table
from augalgebra.plain import finite
from augalgebra.runs.causal.causal_run import CausalRun


def edge_table(run: CausalRun) -> Table:
    """The edges of the graph and of the true one, with their strengths."""
    graph, truth = run.model.graph, run.true_graph
    edges = list(graph.sorted_edges) + [
        edge for edge in (truth.sorted_edges if truth else ()) if edge not in graph.edges
    ]
    rows = tuple(
        (
            cause,
            effect,
            run.weights.get((cause, effect)),
            "yes" if (cause, effect) in graph.edges else "no",
            "unknown" if truth is None else "yes" if (cause, effect) in truth.edges else "no",
        )
        for cause, effect in edges
    )
    return Table(
        "Edges: by how many deviations the effect moves where its cause is that of another image",
        ("cause", "effect", "strength", "in the model", "true"),
        rows,
    )


def score_table(report: CausalReport) -> Table:
    """Counterfactuals and edited worlds beside floor and identity."""
    headings = ("what", "error", "floor", "ratio", "floor of test images", "nothing done")
    scores = (*report.counterfactuals, *report.edits)
    rows = tuple((s.name, s.error, s.floor, s.ratio, s.test_floor, s.identity) for s in scores)
    title = f"Mean squared error of a pixel from the true picture, on {report.images} test images"
    return Table(title, headings, rows, digits=5)


def reading_table(report: CausalReport) -> Table:
    """What is read off counterfactuals beside what is true there."""
    concepts = tuple(report.reading)
    scores = (*report.counterfactuals, *report.edits)
    rows = tuple(
        (score.name, *(finite(score.readings[concept]) for concept in concepts), score.most_unread) for score in scores
    )
    title = (
        "Read off the counterfactual by a reader that is no part of the model: mean absolute error, in the units of "
        "each concept; of what was set this is effectiveness, of the rest minimality. Means are over drawings off "
        "which a concept could be read; unread is the share of the others, of the concept where it is largest"
    )
    return Table(title, ("what", *concepts, "unread"), rows)


def encoder_table(report: CausalReport) -> Table:
    """How well the encoder reads each concept."""
    rows = tuple(
        (concept, error, *(report.information.get(concept, {}).get(name) for name in ("mic", "tic")))
        for concept, error in report.reading.items()
    )
    title = (
        "What the encoder reads of test images: its error, in units of the concept, and how much that tells of the "
        "label, from 0 to 1 (maximal and total information coefficient)"
    )
    return Table(title, ("concept", "mean absolute error", "MIC", "TIC"), rows)


def composition_table(report: CausalReport) -> Table:
    """What doing nothing costs, once and again and again."""
    rows = tuple((item.times, item.pixels, item.codes) for item in report.composition)
    title = "Composition: encoded and decoded with nothing changed, mean absolute difference from the first picture"
    return Table(title, ("times", "per pixel", "of the code, in deviations"), rows, digits=4)


def axiom_table(report: CausalReport) -> Table:
    """Reversibility and minimality of each concept."""
    headings = ("concept", "there and back", "floor", "drift of what should stay", "floor")
    rows = tuple(
        (
            axiom.concept,
            axiom.reversibility,
            axiom.reversibility_floor,
            finite(axiom.minimality),
            finite(axiom.minimality_floor),
        )
        for axiom in report.axioms
    )
    title = "Reversibility, per pixel, and minimality, in standard deviations of the concepts"
    return Table(title, headings, rows, digits=4)
