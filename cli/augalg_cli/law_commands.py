"""``augalg laws`` and ``augalg discover``: what is declared, checked on images; what is really there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import options, render
from augalgebra import AugalgebraError, Catalog

if TYPE_CHECKING:
    from augalgebra.checks import Discovery, LawReport, LawResult, Probe

Size = Annotated[int, typer.Option(min=4, help="Height and width of the probe images.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command(rich_help_panel="Laws", epilog="Example:  augalg laws flip_lr rotate_cw")(laws)
    app.command(rich_help_panel="Laws", epilog="Example:  augalg discover flip_lr rotate_cw")(discover)


def laws(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Augmentations or plugins.", autocompletion=options.complete_name),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Check every law of every plugin.")] = False,
    probes: Annotated[
        str,
        typer.Option(
            metavar="SOURCE",
            help="Images to check on: 'builtin', 'digits' (scikit-learn's), or a folder of pictures.",
        ),
    ] = "builtin",
    size: Size = 28,
    seed: Annotated[int, typer.Option(help="Seed of probes and parameter values.")] = 0,
    failures_only: Annotated[bool, typer.Option("--failures", help="Show only what does not hold.")] = False,
    as_json: options.Json = False,
) -> None:
    """Check declared laws on images; exit code 1 if one is violated."""
    catalog = options.catalog()
    if not names and not everything:
        raise AugalgebraError("name augmentations or plugins whose laws to check, or give --all")
    for name in names or []:
        if name not in {info.name for info in catalog.plugins}:
            catalog.resolve(name)
    from augalgebra.checks import check_laws

    report = check_laws(catalog, None if everything else names, probes=_probes(probes, size), size=size, seed=seed)
    if as_json:
        render.emit_json(report.as_dict())
    else:
        _show_laws(report, failures_only=failures_only)
    if report.violated:
        raise typer.Exit(1)


def discover(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Generators: augmentations or words.",
            autocompletion=options.complete_name,
        ),
    ],
    size: Size = 28,
    bound: Annotated[int, typer.Option(min=1, help="Stop after so many elements.")] = 1000,
    as_json: options.Json = False,
) -> None:
    """Apply augmentations until nothing new appears: order, group, relations, Cayley table."""
    catalog = options.catalog()
    words = [catalog.word(name) for name in names]
    from augalgebra.checks import discover as discover_words

    found = discover_words(catalog, words, size=size, max_elements=bound)
    if as_json:
        render.emit_json(found.as_dict())
    else:
        _show_discovery(catalog, found)


def _probes(source: str, size: int) -> "tuple[Probe, ...] | None":
    if source == "builtin":
        return None
    from augalgebra.checks import Probe, digit_images, picture_probe

    if source == "digits":
        return (Probe("digits", digit_images(1, size, size), smooth=True),)
    if not Path(source).is_dir():
        raise AugalgebraError(f"--probes {source!r}: neither 'builtin' nor 'digits' nor a folder of pictures")
    return (picture_probe(source, size=(size, size)),)


def _show_laws(report: "LawReport", *, failures_only: bool) -> None:
    shown = [item for item in report.results if not failures_only or item.verdict != "holds"]
    if shown:
        rows = [
            (item.equation, item.verdict, render.number(item.error, 2), render.number(item.moved, 2), item.n)
            for item in shown
        ]
        render.table(["law", "verdict", "error", "moved", "n"], rows, right=[2, 3, 4])
    for item in report.results:
        for text in _remarks(item):
            render.line(text)
    for failure in report.probe_failures:
        render.note(f"probe {failure.name} of {failure.plugin} left out: {failure.reason}")
    counts = [(report.count(verdict), verdict) for verdict in ("holds", "violated", "vacuous", "not checked")]
    summary = ", ".join(f"{count} {_plural(verdict, count)}" for count, verdict in counts if count)
    render.line(f"{len(report.results)} laws: {summary or 'none declared'}")


def _plural(verdict: str, count: int) -> str:
    return "hold" if verdict == "holds" and count != 1 else verdict


def _remarks(item: "LawResult") -> list[str]:
    if item.verdict == "holds":
        return []
    lines = [f"{item.verdict}: {item.equation} ({item.augmentation})"]
    if item.counterexample is not None:
        lines.append(f"  {item.counterexample}")
    if item.reason:
        lines.append(f"  {item.reason}")
    if item.alternative is not None:
        lines.append(f"  instead: {item.alternative}")
    return lines


def _show_discovery(catalog: Catalog, found: "Discovery") -> None:
    data = found.as_dict()
    structure = data["group"] or ("a group without a name here" if data.get("is_group") else "a monoid, no group")
    render.fields(
        [
            ("generators", ", ".join(catalog.display(word) for word in found.generators)),
            (
                "order",
                data["order"] if data["complete"] else f"more than {data['order']} (stopped at the bound)",
            ),
            ("structure", structure if data["complete"] else "not known"),
            ("abelian", render.yes_no(data["abelian"])),
        ]
    )
    render.line()
    render.line("elements:")
    for index, element in enumerate(data["elements"]):
        if index == MOST_SHOWN:
            render.line(f"  ... and {len(data['elements']) - index} more (--json gives all)")
            break
        render.line(f"  {index:>3}  {element}")
    render.line("relations:")
    for relation in data["relations"][:MOST_SHOWN]:
        render.line(f"  {relation}")
    if data["complete"] and data["order"] <= MOST_TABLE:
        render.line("Cayley table (row first, then column):")
        render.cayley_table(data["table"])


MOST_SHOWN = 40
MOST_TABLE = 16
