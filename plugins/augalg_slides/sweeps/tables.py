"""The tables of a sweep as Markdown, and everything written into its folder."""

from collections.abc import Sequence
from pathlib import Path

from augalg_slides.evidence.claims import Spread
from augalg_slides.sweeps.figures import draw_terms, draw_totals
from augalg_slides.sweeps.pairs import ROLES, show_pair
from augalg_slides.sweeps.results import Entry, SweepResult
from augalg_slides.sweeps.settings import MODES, NATIVE, CellMode
from augalgebra.markdown import markdown_table
from augalgebra.storage import naming_failures, remove, write_atomically, write_json

RESULT, TABLES = "result.json", "table.md"


def write_result(result: SweepResult, folder: str | Path) -> dict[str, Path]:
    """Write tables as JSON and Markdown, and heat maps for each mode; those of other modes are removed.

    Args:
        result: What a sweep found.
        folder: Where to.

    Returns:
        The files by name.

    Raises:
        AugalgebraError: A file cannot be written or removed.
    """
    folder = Path(folder)
    files = {name: folder / name for name in (RESULT, TABLES)}
    write_json(files[RESULT], result)
    write_atomically(files[TABLES], to_markdown(result))
    for mode in MODES:
        is_there = mode in result.settings.modes and bool(result.table(mode))
        for kind, draw in (("totals", draw_totals), ("terms", draw_terms)):
            path = folder / f"{kind}-{mode}.png"
            if is_there:
                files[path.name] = draw(result, mode, path)
            else:  # what an earlier sweep may have left here is not what these tables are about
                with naming_failures(path):
                    remove(path)
    return files


def to_markdown(result: SweepResult) -> str:
    """Totals, terms and claims as a Markdown document."""
    settings = result.settings
    budget = _budget(settings.epochs, settings.seconds)
    transfer = _budget(settings.transfer_epochs, settings.transfer_seconds)
    seeds = ", ".join(map(str, settings.seeds))
    weight = "" if settings.kl_weight == 1 else f", divergence weighted {settings.kl_weight:g}"
    heads = "" if settings.decoder is None else f" with heads {settings.decoder}"
    heads += "" if not settings.transfer_rate else f" at rate {settings.transfer_rate:g}"
    about = (
        f"Data {settings.data}, preset {settings.preset}, {settings.dim} latent coordinates; stage 1 {budget}"
        f"{weight}, stage 3 {transfer}{heads}; seeds {seeds}. Losses are {settings.unit} per test image, mean ± "
        "standard deviation over the seeds. A total is the sum over the original, both augmentations and their "
        "composition; its excess is what it is beyond the entropy of these images, which even perfect drawings cost. "
        "On the diagonal stands the native pair, drawn by the head that stage 1 trained. "
    )
    if settings.comparable:
        about += "In brackets stand the figures of slides 13 and 21, which are totals on MNIST."
    else:
        about += f"The figures of slides 13 and 21 are nats, which {settings.unit} cannot be compared with."
    parts = ["# Transfer between pairs of augmentations", about]
    for mode in settings.modes:
        parts += [f"## Totals, {mode}", totals_table(result, mode)]
    parts += ["## Every term", _terms_table(result.entries, settings.digits)]
    if result.claims:
        claims = [[c.slide, c.text, c.measured, _VERDICTS[c.holds]] for c in result.claims]
        parts += ["## Claims", markdown_table([["slides", "claim", "measured", "holds"], *claims])]
    if result.missing:
        parts += ["## Missing", "\n".join(f"- {key}" for key in result.missing)]
    return "\n\n".join(parts) + "\n"


def totals_table(result: SweepResult, mode: CellMode) -> str:
    """The published form of the table as Markdown, each total with its spread and the slides' figure."""
    table, digits = result.table(mode), result.settings.digits
    rows = [
        [show_pair(train), *(_total(table.get((train, target)), digits) for target in result.settings.targets)]
        for train in result.settings.pairs
    ]
    return markdown_table([["trained on ↓ / drawn →", *map(show_pair, result.settings.targets)], *rows])


_VERDICTS = {True: "yes", False: "no", None: "undecided"}


def _terms_table(entries: Sequence[Entry], digits: int) -> str:
    headings = [
        "trained on",
        "drawn",
        "mode",
        *(f"{role}: loss / floor / entropy" for role in ROLES),
        "total",
        "excess",
    ]
    rows = [
        [
            show_pair(entry.train),
            show_pair(entry.target),
            "native" if entry.mode == NATIVE else entry.mode,
            *(
                f"{_spread(entry.loss[role], digits)} / {entry.floor[role].mean:.{digits}f} / "
                f"{entry.entropy[role].mean:.{digits}f}"
                for role in ROLES
            ),
            _spread(entry.total, digits),
            _spread(entry.excess, digits),
        ]
        for entry in entries
    ]
    return markdown_table([headings, *rows])


def _total(entry: Entry | None, digits: int) -> str:
    if entry is None:
        return ""
    published = "" if entry.published is None else f" ({entry.published:.1f})"
    return _spread(entry.total, digits) + published


def _spread(spread: Spread, digits: int) -> str:
    mean = f"{spread.mean:.{digits}f}"
    return mean if spread.n < 2 else f"{mean} ± {spread.deviation:.{digits}f}"


def _budget(epochs: int | None, seconds: float | None) -> str:
    return " or ".join(
        [*([f"{epochs} epochs"] if epochs is not None else []), *([f"{seconds:g} s"] if seconds is not None else [])]
    )
