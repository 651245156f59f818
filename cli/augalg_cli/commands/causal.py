"""``causal train``, ``show``, ``check``: causal models of images and what their counterfactuals are worth."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from augalg_cli import options, render
from augalg_cli.causal_text import graph_lines, names_of, share_in
from augalg_cli.commands.runs import Budget, Folder
from augalg_cli.datasets import Data, Moved, load
from augalg_cli.progress import training_progress
from augalgebra import AugalgebraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augalgebra.causal import CausalReport, GraphPrior
    from augalgebra.data import Dataset
    from augalgebra.runs import CausalRun

app = typer.Typer()

EditName = Annotated[
    str, typer.Option("--edit", metavar="NAME", help="In the world of an edit that 'augalg causal edit' keeps.")
]


@app.command(epilog="Example:  augalg causal train runs/pendulum --data pendulum --budget 10m")
def train(
    run: Folder,
    data: Data = "pendulum",
    data_dir: options.DataDir = None,
    graph: Annotated[
        str | None, typer.Option(metavar="EDGES", help="The graph, such as 'light>shadow_length, angle>shadow_length'.")
    ] = None,
    exogenous: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Concepts that nothing causes; the graph is then learned.")
    ] = None,
    endogenous: Annotated[str | None, typer.Option(metavar="NAMES", help="With it: those that may be caused.")] = None,
    order: Annotated[
        str | None, typer.Option(metavar="NAMES", help="All concepts, causes first; the graph is then learned.")
    ] = None,
    learn: Annotated[bool, typer.Option("--learn", help="Learn the graph, knowing only that it has no cycle.")] = False,
    mechanisms: Annotated[
        Literal["network", "linear"], typer.Option(help="How effects follow from causes: 'network', or 'linear'.")
    ] = "network",
    labels: Annotated[str, typer.Option(metavar="SHARE", help="Share of the images whose factors are told.")] = "100%",
    rest: Annotated[
        int | None,
        typer.Option(min=0, help="Coordinates for what no concept names; 16 where images have classes, else none."),
    ] = None,
    width: Annotated[int, typer.Option(min=1, help="Channels of the networks.")] = 32,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the training.")] = None,
    budget: Budget = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything drawn at random.")] = 0,
    device: Annotated[str, typer.Option(help="'auto', 'cpu', 'cuda', ...")] = "auto",
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option(help="'auto': bfloat16 where matrix units make it faster.")
    ] = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Take up an interrupted run with the same settings.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run in this folder.")] = False,
    as_json: options.Json = False,
) -> None:
    """Train a causal model of images whose factors are known; Ctrl-C keeps what was learned.

    Without --graph, --exogenous, --order or --learn the true graph is taken where
    it is known, as it is of pendulum and morpho.
    """
    from augalgebra.causal import CausalSettings, check_factors, varying_factors
    from augalgebra.runs import check_folder, train_causal_run

    check_folder(run, resume=resume, overwrite=overwrite)  # before much is read
    dataset = load(data, data_dir, quiet=as_json)
    check_factors(dataset.train.factors)
    concepts = varying_factors(dataset.train.factors)
    same = [name for name in dataset.train.factors if name not in concepts]
    if same:
        verb, what = ("are", "no concepts") if same[1:] else ("is", "no concept")
        render.note(f"{' and '.join(same)} {verb} the same in all images, and so {what}")
    seconds = options.seconds_of(budget)
    settings = CausalSettings(
        prior=_prior(concepts, graph, exogenous, endogenous, order, learn=learn),
        mechanisms=mechanisms,
        labels=share_in(labels),
        rest=rest,
        width=width,
        steps=steps,
        seconds=600.0 if seconds is None and steps is None else seconds,
        seed=seed,
        device=device,
        precision=precision,
    )
    with training_progress(quiet=as_json) as progress:
        trained = train_causal_run(run, dataset, settings, progress=progress, resume=resume, overwrite=overwrite)
    if as_json:
        render.emit_json({"run": str(run), **trained.described()})
    else:
        ended = {"interrupted": "interrupted; --resume goes on", "limit": "finished"}.get(trained.ended, trained.ended)
        render.line(f"{trained.steps} steps, {ended}; the run is in {run}")
        _show_graph(trained)
        render.note(f"'augalg causal check {run}' measures what its counterfactuals are worth")
    render.exit_if_interrupted(trained.ended)


@app.command(epilog="Example:  augalg causal show runs/pendulum --out graph.svg")
def show(
    run: Folder,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A drawing of the graph, a .svg or a .png.")
    ] = None,
    edit: EditName = "",
    as_json: options.Json = False,
) -> None:
    """Show the graph, what was learned of it, and what is kept of measurements and edits.

    Red edges of the drawing are not in the true graph, dashed ones are only there;
    of an edit they are compared with the graph before it.
    """
    from augalgebra.reports import draw_causal_graph, read_causal_check
    from augalgebra.runs import CausalRun

    loaded = CausalRun.load(run)
    world = loaded.edited(edit)
    weights = {edge: weight for edge, weight in loaded.weights.items() if edge in world.world.trained_edges}
    if out is not None:
        truth = loaded.model.graph if edit else loaded.true_graph
        draw_causal_graph(world.graph, out, weights=weights, beside=truth, title=edit)
    kept = read_causal_check(loaded)
    if as_json:
        answer = {"run": str(run), **loaded.described(), "edit": edit, "edited_graph": world.graph.to_dict()}
        render.emit_json(answer | {"check": kept, "file": None if out is None else str(out)})
        return
    if edit:
        render.write_bullets(edit, [str(change) for change in world.edits], 100)
        for line in graph_lines(world.graph, weights):
            render.line(line)
    else:
        _show_graph(loaded)
        _show_ranges(loaded)
        render.write_bullets("edits", [_edit_text(loaded, name) for name in loaded.edits], 100)
        if kept is None:
            render.note(f"nothing is measured yet; 'augalg causal check {run}' does that")
        else:
            _show_kept(kept)
    if out is not None:
        render.line(f"drawn in {out}")


@app.command(epilog="Example:  augalg causal check runs/pendulum --bar 1.1")
def check(
    context: typer.Context,
    run: Folder,
    bar: Annotated[
        float,
        typer.Option(
            min=0,
            callback=options.finite,
            help="Exit with 1 if the error of a do(...) is more than so many times the floor, which is what encoding "
            "and decoding the true picture costs, or no smaller than that of doing nothing.",
        ),
    ] = 1.1,
    images: Annotated[int, typer.Option(min=2, help="Test images to measure on.")] = 512,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Measure counterfactuals against the truth, and the axioms that they obey; exit code 1 if a bar is missed.

    So it is if you give --bar where no counterfactual can be measured.
    Every concept, and every two, are set to what they are in another test image.
    Edges are cut one by one, and kept edits are tried, for which there is no bar.
    Errors are mean squared differences of pixels from the true picture.
    """
    from augalgebra.reports import write_causal_check
    from augalgebra.runs import CausalRun

    loaded = CausalRun.load(run)
    data = load_of(loaded, data_dir, moved, quiet=as_json)
    report = loaded.check(images=images, data=data)
    write_causal_check(loaded, report)
    missed = [score.name for score in report.counterfactuals if not score.meets(bar)]
    untried = ""
    if not report.counterfactuals:
        untried = (
            "what is true of these images after an intervention is not known"
            if report.graph is None
            else "no intervention could be measured"
        )
    if as_json:
        verdict = {"bar": bar, "passed": None if untried else not missed, "untried": untried or None, "missed": missed}
        render.emit_json({"run": str(run), **verdict, **report.to_dict()})
    else:
        _show_check(report, loaded.model.concepts)
        for name, reason in report.left_out.items():
            render.note(f"{name} is left out: {reason}")
        if untried:
            render.note(f"{untried}, so that no bar is tried")
        else:
            told = f"missed by {', '.join(missed)}" if missed else "met by every do(...)"
            render.line(f"bar {bar:g} of the floor: {told}")
    if missed or (untried and options.is_typed(context, "bar")):
        raise typer.Exit(1)


def load_of(run: "CausalRun", data_dir: str | None, moved: str | None, *, quiet: bool) -> "Dataset":
    """Load the data set of a causal run and see that it is the same."""
    data = load(str(run.data["name"]) if moved is None else moved, data_dir, quiet=quiet)
    run.check_data(data)
    return data


def _prior(
    concepts: tuple[str, ...],
    graph: str | None,
    exogenous: str | None,
    endogenous: str | None,
    order: str | None,
    *,
    learn: bool,
) -> "GraphPrior | None":
    """What options say of the graph; None if they say nothing."""
    from augalgebra.causal import CausalGraph, GraphPrior

    said = [
        option
        for option, value in (
            ("--graph", graph),
            ("--exogenous", exogenous or endogenous),
            ("--order", order),
            ("--learn", learn or None),
        )
        if value is not None
    ]
    if len(said) > 1:
        raise AugalgebraError(f"{' and '.join(said)} say different things of the graph; give one of them")
    if graph is not None:
        return GraphPrior.given(CausalGraph.parse(graph, concepts))
    if exogenous is not None or endogenous is not None:
        return GraphPrior.roles(names_of(exogenous or ""), names_of(endogenous or "")).for_concepts(concepts)
    if order is not None:
        return GraphPrior.order(names_of(order)).for_concepts(concepts)
    return GraphPrior.free(concepts) if learn else None


def _show_graph(run: "CausalRun") -> None:
    for line in graph_lines(run.model.graph, run.weights):
        render.line(line)
    if run.undirected:
        render.note(
            f"{' and '.join(run.undirected)} would follow without noise; which is the effect, labels cannot "
            "tell then: say what has no causes, with --exogenous and --endogenous"
        )
    if run.true_graph is None:
        return
    if run.hamming_distance == 0:
        render.line("these are the edges of the true graph" + ", which was given" * (not run.is_learned))
    else:
        render.line(f"the true graph is {run.true_graph}; {run.hamming_distance} edges differ")
    if run.is_learned and run.area_under_curve is not None:
        render.line(f"area under the curve of telling its edges by their strength: {run.area_under_curve:.3f}")


def _show_ranges(run: "CausalRun") -> None:
    model = run.model
    columns = zip(model.concepts, model.low.tolist(), model.high.tolist(), model.mean.tolist(), strict=True)
    rows = [[name, f"{low:.4g}", f"{high:.4g}", f"{mean:.4g}"] for name, low, high, mean in columns]
    render.table(["concept", "lowest", "highest", "mean"], rows, right=[1, 2, 3])


def _show_kept(kept: dict[str, Any]) -> None:
    scores = [*kept["counterfactuals"], *kept["edits"]]
    if not scores:
        render.line(f"measured on {kept['images']} test images, of which no true pictures could be drawn")
        return
    rows = [
        [
            score["name"],
            *(_decimals(score[name], digits) for name, digits in (("error", 5), ("floor", 5), ("ratio", 3))),
        ]
        for score in scores
    ]
    title = f"Measured when last checked, on {kept['images']} test images"
    render.table(["what", "error", "floor", "ratio"], rows, right=range(1, 4), title=title)


def _show_check(report: "CausalReport", concepts: "Sequence[str]") -> None:
    scores = [*report.counterfactuals, *report.edits]
    if scores:
        rows = [
            [score.name, f"{score.error:.5f}", f"{score.floor:.5f}", f"{score.ratio:.3f}", f"{score.identity:.5f}"]
            for score in scores
        ]
        title = f"Counterfactuals of {report.images} test images against true pictures"
        render.table(["what", "error", "floor", "ratio", "nothing"], rows, right=range(1, 5), title=title)
        unread = any(score.most_unread for score in scores)  # means over the rest flatter then
        read = [
            [
                score.name,
                *(render.measured(score.readings[concept]) for concept in concepts),
                *([f"{score.most_unread:.1%}"] if unread else []),
            ]
            for score in scores
        ]
        title = "Read off the counterfactual: mean absolute error, in the units of each concept"
        headings = ["what", *concepts, *(["unread"] if unread else [])]
        render.table(headings, read, right=range(1, len(headings)), title=title)
        if unread:
            render.line(
                "unread: share of drawings off which a concept could not be read, of the concept where it is largest; "
                "errors are means over the rest, - where there is none"
            )
    rows = [[str(item.times), f"{item.pixels:.4f}", f"{item.codes:.4f}"] for item in report.composition]
    render.table(["nothing done, times", "per pixel", "per code"], rows, right=range(3), title="Composition")
    if report.axioms:
        rows = [
            [
                axiom.concept,
                *(
                    _decimals(value)
                    for value in (
                        axiom.reversibility,
                        axiom.reversibility_floor,
                        axiom.minimality,
                        axiom.minimality_floor,
                    )
                ),
            ]
            for axiom in report.axioms
        ]
        names = ["concept", "there and back", "floor", "drift of others", "floor"]
        render.table(names, rows, right=range(1, 5), title="Reversibility per pixel, minimality in deviations")
    rows = [
        [
            concept,
            f"{error:.4g}",
            *(_decimals(report.information.get(concept, {}).get(name)) for name in ("mic", "tic")),
        ]
        for concept, error in report.reading.items()
    ]
    title = "What the encoder reads, and how much that tells of the label"
    render.table(["concept", "error", "MIC", "TIC"], rows, right=range(1, 4), title=title)


def _decimals(value: float | None, digits: int = 4) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _edit_text(run: "CausalRun", name: str) -> str:
    try:
        return f"{name}: {'; '.join(map(str, run.edited(name).edits)) or 'nothing'}"
    except AugalgebraError as error:
        return f"{name}: {error}"
