"""Experiments of `augalg_slides.reproduction.reproduce` that train latent spaces of their own."""

from collections.abc import Callable, Mapping
from pathlib import Path

from augalg_slides.evidence.claims import Claim
from augalg_slides.evidence.comparison import draw_bars
from augalg_slides.pages.synthetic import GAP_ROWS, Synthetic, draw_synthetic, measure_synthetic
from augalg_slides.reproduction.comparisons import COMPARISONS, ComparisonName
from augalg_slides.reproduction.context import TITLES, ExperimentContext, Outcome, TrainedClaim
from augalg_slides.sweeps.advice import ADVICE, Advice, ShortRun, advise_from
from augalg_slides.sweeps.figures import draw_terms, draw_totals
from augalg_slides.sweeps.pairs import ROLES, SHEAR_CANNY, show_pair
from augalg_slides.sweeps.results import Entry, SweepResult
from augalg_slides.sweeps.settings import SweepSettings
from augalg_slides.sweeps.sweep import Standing, run_sweep
from augalgebra.documents import Block, HeatMap, Picture, Table, Text, figures
from augalgebra.errors import AugalgebraError
from augalgebra.runs import Mode
from augalgebra.training import PUBLISHED, Preset

SWEEP = "transfer"
"""Folder of the sweep, below that of everything."""
_MODES: Mapping[Mode, str] = {
    "relabel": "the new pair reuses the trained operators",
    "extend": "the new pair has operators of its own",
}
_GLYPHS = (1, 28, 28)


def transfer(context: ExperimentContext) -> Outcome:
    """The transfer table (slides 11, 13 and 21), over all seeds."""
    claims, blocks, notes = list[TrainedClaim](), list[Block](), list[str]()
    for preset in context.plan.modes:
        result, title = _swept(context, preset), TITLES[preset]
        claims += [TrainedClaim(claim, title) for claim in result.claims]
        notes += result.notes
        for mode in result.settings.modes:
            blocks += _table(context, result, mode, title)
        blocks.append(_terms(result, title))
    return Outcome(tuple(claims), tuple(blocks), tuple(notes))


def _swept(context: ExperimentContext, preset: Preset) -> SweepResult:
    """Every pair transferred to every pair; what is there already is not computed again."""
    plan, originals = context.plan, len(context.dataset.train)
    settings = SweepSettings(
        pairs=plan.pairs,
        seeds=context.seeds,
        modes=plan.modes[preset],
        data=context.dataset.name,
        preset=preset,
        dim=plan.dim,
        width=plan.sweep_width,
        epochs=plan.sweeping(preset, originals),
        transfer_epochs=plan.transferring(preset, originals),
        fit=PUBLISHED if preset == "faithful" else None,
        device=context.device,
    )

    def told(standing: Standing) -> None:
        context.tell(f"transfer, {TITLES[preset]}: {standing.done} of {standing.total} cells")

    result = run_sweep(
        context.folder / SWEEP,
        settings,
        context.catalog,
        data=context.dataset,
        workers=context.workers,
        progress=told,
    )
    if result.missing:
        reason = result.failures[0] if result.failures else str(result.missing[0])
        raise AugalgebraError(f"{len(result.missing)} of {len(result.cells) + len(result.missing)} cells: {reason}")
    return result


def _table(context: ExperimentContext, result: SweepResult, mode: Mode, title: str) -> tuple[Block, ...]:
    settings, table = result.settings, result.table(mode)
    entries = [[table.get((train, target)) for target in settings.targets] for train in settings.pairs]
    name = f"{settings.preset}-{mode}"
    return (
        HeatMap(
            f"Total loss, {title}: {_MODES[mode]}; trained on (rows), drawn (columns)",
            tuple(map(show_pair, settings.pairs)),
            tuple(map(show_pair, settings.targets)),
            tuple(tuple(None if entry is None else entry.total.mean for entry in row) for row in entries),
            tuple(tuple("" if entry is None else _note(entry, settings.digits) for entry in row) for row in entries),
            unit=f"{settings.unit} per image",
        ),
        Picture(
            draw_totals(result, mode, context.picture(f"transfer-totals-{name}")),
            f"{title}, {mode}: totals with their spread over seeds and the slides' figures, which are of MNIST.",
        ),
        Picture(
            draw_terms(result, mode, context.picture(f"transfer-terms-{name}")),
            f"{title}, {mode}: every term of the totals, with its floor and entropy.",
        ),
    )


def _note(entry: Entry, digits: int) -> str:
    spread = f"± {entry.total.deviation:.{digits}f}" if entry.total.n > 1 else ""
    published = "" if entry.published is None else f"slides {entry.published:.1f}"
    return ", ".join(filter(None, (spread, published)))


def _terms(result: SweepResult, title: str) -> Table:
    rows = tuple(
        (
            show_pair(entry.train),
            show_pair(entry.target),
            entry.mode,
            *(
                number
                for role in ROLES
                for number in (entry.loss[role].mean, entry.floor[role].mean, entry.entropy[role].mean)
            ),
            entry.total.mean,
            entry.published,
        )
        for entry in result.entries
    )
    terms = (name for role in ROLES for name in (role, "floor", "entropy"))
    headings = ("trained on", "drawn", "mode", *terms, "total", "slides")
    unit, digits = result.settings.unit, result.settings.digits
    return Table(f"Every term in {unit} per image, {title}", headings, rows, digits=digits)


def advise(context: ExperimentContext) -> Outcome:
    """Which pair to start from, predicted without the sweep and checked against it."""
    mode: Mode = "relabel"
    result = _swept(context, "equivariant")
    target = SHEAR_CANNY if SHEAR_CANNY in result.settings.targets else result.settings.targets[-1]
    plan = context.plan
    short = ShortRun(context.dataset.name, plan.dim, plan.short_epochs, plan.short_images, context.seed)

    def told(standing: Standing) -> None:
        context.tell(f"advice: {standing.done} of {standing.total} short runs")

    advice = advise_from(result, target, context.catalog, short, data=context.dataset, mode=mode, progress=told)
    title = f"{show_pair(target)}, {mode}"
    candidates = tuple(
        (show_pair(item.pair), "; ".join(item.reasons), item.score, item.observed) for item in advice.candidates
    )
    predictors = tuple((item.name, item.spearman, item.kendall, item.targets) for item in advice.predictors)
    blocks = (
        Table(
            f"Where to start for {title}; best first",
            ("start from", "because", "rank", f"sweep, {result.settings.unit}"),
            candidates,
            2 if result.settings.comparable else result.settings.digits,
        ),
        Table(
            "Rank correlation with the sweep, mean over targets",
            ("predictor", "Spearman", "Kendall", "targets"),
            predictors,
            2,
        ),
        Picture(
            draw_advice(advice, context.picture("advise"), result.settings.unit),
            "How well each way to rank initial pairs agrees with the sweep, and the advice for one target against it.",
        ),
    )
    return Outcome((TrainedClaim(_advised(advice)),), blocks)


def _advised(advice: Advice) -> Claim:
    values = {item.name: item.spearman for item in advice.predictors if item.spearman is not None}
    own, chance = values.get(ADVICE), advice.chance
    holds = None
    if own is not None and chance is not None:
        holds = True if own > chance else False if own <= 0 else None
    return Claim(
        "12-13",
        "Which initial pair transfers well can be told beforehand, from laws and a short run of each (our question)",
        advice.verdict,
        holds,
        values | ({} if chance is None else {"one random order in twenty": chance}),
    )


def draw_advice(advice: Advice, path: Path, unit: str) -> Path:
    """Write how well each predictor ranks initial pairs, and the advice for its target beside the sweep, as PNG.

    Args:
        advice: Advice that was checked against a sweep.
        path: The file.
        unit: What the sweep counts losses in.
    """
    figure = figures.empty(10, 3.8)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1])
    known = [(item.name, item.spearman) for item in advice.predictors if item.spearman is not None]
    title = "rank correlation with the sweep (Spearman); dotted: what one random order in twenty exceeds"
    draw_bars(left, [name for name, _ in known], [value for _, value in known], title=title, line=advice.chance)
    left.title.set_fontsize(7)
    seen = [item for item in advice.candidates if item.observed is not None]
    for item, colour in zip(seen, figures.colours(len(seen)), strict=True):
        right.scatter(item.score, item.observed, color=colour, label=show_pair(item.pair))
    right.legend(title="start from", fontsize=7, title_fontsize=7)
    right.margins(x=0.15, y=0.15)
    right.set_xlabel("mean rank by the advice (low is best)", fontsize=8)
    right.set_ylabel(f"total in the sweep, {unit} per image", fontsize=8)
    right.set_title(f"for {show_pair(advice.target)}", fontsize=9)
    right.tick_params(labelsize=7)
    right.spines[["top", "right"]].set_visible(False)
    return figures.write(figure, path)


def comparison(experiment: ComparisonName) -> Callable[[ExperimentContext], Outcome]:
    """An experiment that compares latent spaces side by side."""
    kind = COMPARISONS[experiment]

    def made(context: ExperimentContext) -> Outcome:
        context.tell(f"{experiment}: measuring")
        result = kind.measure(context.networks)
        picture = kind.draw(result, context.picture(experiment))
        table = Table(f"On {result.images} test images", result.table.headings, result.table.rows)
        blocks = (table, Text(result.about), Picture(picture, kind.caption))
        return Outcome(tuple(map(TrainedClaim, result.claims)), blocks)

    return made


def synthetic(context: ExperimentContext) -> Outcome:
    """A latent space made from images of known factors (slide 17)."""
    comparable = context.dataset.image_shape == _GLYPHS and context.dataset.name != "glyphs"
    reference = context.run("equivariant") if comparable else None
    context.tell("glyphs")
    found = measure_synthetic(
        context.catalog,
        reference,
        data=context.dataset,
        glyphs=context.plan.glyphs,
        samples=context.plan.glyph_samples,
        dim=context.plan.dim,
        width=context.plan.glyph_width,
        seed=context.seed,
        device=context.device,
        progress=context.progress,
    )
    picture = draw_synthetic(found, context.picture("synthetic"))
    blocks: list[Block] = [*_synthetic_tables(found)]
    if not comparable:
        blocks.append(Text(f"{context.dataset.name} has no grey images of 28×28 pixels to compare the glyphs with."))
    caption = (
        "Glyphs; how much of each factor a linear probe reads off codes; how much of flipped codes operators explain."
    )
    return Outcome(tuple(map(TrainedClaim, found.claims)), (*blocks, Picture(picture, caption)))


def _synthetic_tables(found: Synthetic) -> tuple[Table, Table]:
    names = tuple(score.name for score in found.scores)
    factors: list[tuple[str | float | None, ...]] = [
        (factor, *(score.factors[factor] for score in found.scores)) for factor in found.scores[0].factors
    ]
    factors.append(("shape (accuracy)", *(score.shape for score in found.scores)))
    rows: list[tuple[str | float | None, ...]] = []
    for flip in found.scores[0].flips:
        each = [score.flips[flip] for score in found.scores]
        rows.append((f"{flip}: R²", *(item.r2 for item in each)))
        rows.append((f"{flip}: R², nothing moved", *(item.identity_r2 for item in each)))
        if any(item.gap is not None for item in each):
            for name, title in GAP_ROWS.items():
                rows.append((f"{flip}: {title}", *(item.measured(name) for item in each)))
    return (
        Table(
            "Share of each factor of glyphs that is a linear function of codes (R²)", ("factor", *names), tuple(factors)
        ),
        Table("Operators of flips", ("operator", *names), tuple(rows)),
    )
