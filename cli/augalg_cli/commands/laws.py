"""``augalg laws`` and ``augalg discover``: what is declared, checked on images; what is really there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import options, render
from augalg_cli.datasets import SkipBroken
from augalgebra import AugalgebraError, Catalog

if TYPE_CHECKING:
    from augalgebra.checks import Discovery, LawReport, LawResult, Probe

app = typer.Typer()

Size = Annotated[
    int,
    typer.Option(
        min=8,
        max=options.LARGEST,
        help="Height and width of the images; a rectangle and another square near it count too.",
    ),
]


MOST_SHOWN = 40
"""Most elements or relations that are listed; ``--json`` gives all."""
MOST_TABLE = 16
"""Most elements whose table is drawn."""


@app.command(epilog="Example:  augalg laws flip_lr rotate_cw")
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
    skip_broken: SkipBroken = False,
    size: Size = 28,
    seed: Annotated[int, typer.Option(min=0, help="Seed of probes and parameter values.")] = 0,
    failures_only: Annotated[bool, typer.Option("--failures", help="Show only what does not hold.")] = False,
    as_json: options.Json = False,
) -> None:
    """Check declared laws on images; exit code 1 if one is violated, an augmentation fails, or none is checked."""
    catalog = options.catalog()
    if not names and not everything:
        raise AugalgebraError("name augmentations or plugins whose laws to check, or give --all")
    for name in names or []:
        if name not in {info.name for info in catalog.plugins}:
            catalog.resolve(name)
    from augalgebra.checks import check_laws

    images = _probes(catalog, probes, size, skip_broken=skip_broken)
    report = check_laws(catalog, None if everything else names, probes=images, size=size, seed=seed)
    if as_json:
        render.emit_json(report.to_dict())
    else:
        show_laws(report, failures_only=failures_only)
    if not report.passed:
        raise typer.Exit(1)


@app.command(epilog="Example:  augalg discover flip_lr rotate_cw")
def discover(
    names: options.Generators,
    size: Size = 28,
    bound: Annotated[int, typer.Option(min=1, help="Stop after so many elements.")] = 1000,
    as_json: options.Json = False,
) -> None:
    """Apply augmentations until nothing new appears: order, group, relations, Cayley table.

    The exit code is 1 if something new still appeared at the end.
    """
    catalog = options.catalog()
    words = [catalog.word(name) for name in names]
    from augalgebra.checks import discover as discover_words

    found = discover_words(catalog, words, height=size, max_elements=bound)
    if as_json:
        render.emit_json(found.to_dict(catalog))
    else:
        _show_discovery(catalog, found)
    if not found.complete:
        raise typer.Exit(1)


def _probes(catalog: Catalog, source: str, size: int, *, skip_broken: bool) -> "tuple[Probe, ...] | None":
    if source == "builtin":
        return None
    from augalgebra.checks import MOST_PICTURES, Probe, digit_images, numbers_in, picture_probe, probe_sizes
    from augalgebra.images import picture_files

    sizes = probe_sizes(size, numbers_in(word for law in catalog.laws for word in (law.lhs, law.rhs)))
    if source == "digits":
        digits = (digit_images(1, *each) for each in sizes)
        return tuple(Probe("digits", images, smooth=True, dark_border=True) for images in digits)
    if not Path(source).is_dir():
        raise AugalgebraError(f"--probes {source!r}: neither 'builtin' nor 'digits' nor a folder of pictures")
    found = tuple(picture_probe(source, size=each, skip_broken=skip_broken) for each in sizes)
    wanted = min(len(picture_files(Path(source))), MOST_PICTURES)
    if len(found[0].images) < wanted:
        render.note(f"{wanted - len(found[0].images)} of {wanted} pictures left out, since they cannot be read")
    return found


def show_laws(report: "LawReport", *, failures_only: bool) -> None:
    """Write verdicts as a table, with remarks on what does not hold."""
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
    failed = f"; {report.failed} could not be checked, which is no pass" if report.failed else ""
    many = len(report.results)
    render.line(f"{many} law{'' if many == 1 else 's'}: {summary or 'none declared'}{failed}")


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
    data = found.to_dict(catalog)
    render.fields(
        [
            ("generators", ", ".join(data["generators"])),
            ("order", found.order if found.complete else f"at least {found.order}: {found.reason}"),
            ("structure", _structure(found)),
            ("abelian", render.yes_no(found.abelian)),
        ]
    )
    render.write_numbered("elements", data["elements"], MOST_SHOWN)
    here = f" ({found.height}×{found.width} pixels only)"
    relations = [f"{text}{here if text in data['only_here'] else ''}" for text in data["relations"]]
    render.write_bullets("relations", relations, MOST_SHOWN)
    if found.complete and found.order <= MOST_TABLE:
        render.line("Cayley table (row first, then column):")
        render.cayley_table(data["table"])
    render.write_bullets("declared, but false here", [result.equation for result in found.false], MOST_SHOWN)
    render.write_bullets("true here, but not declared", data["undeclared"], MOST_SHOWN)


def _structure(found: "Discovery") -> str:
    if not found.complete:
        return "not known"
    if found.group is not None:
        return f"the group {found.group}"
    return "a group without a name here" if found.closure.is_group else "a monoid, not a group"
