"""``augalg plugins new`` and ``augalg plugins check``: writing a plugin, and what its author runs in CI."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import options, render, scaffold
from augalg_cli.progress import case_progress
from augalgebra import AugalgebraError, Settings

if TYPE_CHECKING:
    from augalgebra.testing import Report

app = typer.Typer()


@app.command("new", epilog="Example:  augalg plugins new wave")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits, '-' and '_'; a letter first.")],
    folder: Annotated[Path, typer.Option("--dir", help="Where the plugin's folder NAME is made.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Write over the files of a folder that is there.")] = False,
    as_json: options.Json = False,
) -> None:
    """Write a package with one augmentation and a test that passes: the start of a plugin."""
    names = scaffold.names_of(name)
    target = folder / name
    scaffold.refuse_taken(names, {info.name: info for info in options.catalog().plugins}, target)
    if target.exists() and not (force and target.is_dir()):
        hint = "--force writes over its files, or choose another name" if target.is_dir() else "choose another name"
        raise AugalgebraError(f"{target} is there already; {hint}")
    files = scaffold.render(names)
    scaffold.write(files, target)
    if as_json:
        data = {"plugin": names.plugin, "module": names.module, "distribution": names.distribution}
        render.emit_json(data | {"folder": str(target), "files": [str(path) for path in files]})
        return
    for path in files:
        render.line(str(target / path))
    render.note(f"next: pip install --editable {shlex.quote(str(target))}, then augalg plugins check {names.plugin}")


@app.command("check", epilog="Example:  augalg plugins check dihedral --only laws --only batching")
def check(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="An installed plugin or distribution, a module, a .py file, or a plugin's folder."
        ),
    ],
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ASPECT", help="Only this aspect; may be repeated.")
    ] = None,
    names: Annotated[
        list[str] | None, typer.Option("--name", metavar="NAME", help="Only this augmentation; may be repeated.")
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Option(
            "--word", metavar="WORD", help="Try an augmentation at these parameters, e.g. 'wave(2)'; may be repeated."
        ),
    ] = None,
    alongside: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="DISTRIBUTION", help="Load the plugins of this one too; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of parameter values that are made up.")] = 0,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the report as JUnit XML, too.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check what every plugin promises: its laws, batches, types, ranges, randomness.

    The exit code is 1 if a promise is broken, or if an augmentation could not be tried for want of a --word.

    The plugin is loaded beside the first-party plugins and nothing else. Aspects: lint, returns, type, shape, range,
    mutation, determinism, random-state, batching, channels, sizes, empty-batch, layout, laws, probes.
    """
    if junit_file is not None and junit_file.is_dir():
        raise AugalgebraError(f"--junit {junit_file} is a folder; name a file in it, such as report.xml")
    from augalgebra.catalog import load_target

    loaded = load_target(target, folders=Settings.read().folders, alongside=alongside or ())
    from augalgebra.storage import write_atomically
    from augalgebra.testing import check_plugin, junit

    with case_progress(quiet=as_json) as progress:
        report = check_plugin(
            loaded, names=names or (), aspects=only or (), words=words or (), seed=seed, progress=progress
        )
    if junit_file is not None:
        write_atomically(junit_file, junit(report))
    if as_json:
        render.emit_json(report.to_dict())
    else:
        _show(report)
    if not report.conforms:
        raise typer.Exit(1)


def _show(report: "Report") -> None:
    by_subject: dict[str, dict[str, list[str]]] = {}
    for result in report.results:
        verdicts = by_subject.setdefault(result.subject, {"passed": [], "failed": [], "not checked": []})
        verdicts[result.verdict].append(result.aspect)
    rows = [
        (subject, len(found["passed"]), ", ".join(found["failed"]) or "-", ", ".join(found["not checked"]) or "-")
        for subject, found in by_subject.items()
    ]
    if rows:
        render.table(["checked", "passed", "failed", "not checked"], rows, right=[1])
    notes: dict[tuple[str, str, str], list[str]] = {}
    for result in report.results:
        if result.verdict == "failed":
            render.line()
            render.line(str(result))
        elif result.note:
            notes.setdefault((result.subject, result.verdict, result.note), []).append(result.aspect)
    for (subject, verdict, note), aspects in notes.items():
        render.note(f"{subject}: {', '.join(aspects)} {verdict}: {note}")
    render.line()
    render.line(report.summary)
