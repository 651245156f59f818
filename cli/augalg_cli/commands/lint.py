"""``augalg plugins lint``, ``augalg plugins trace`` and ``augalg explain``: what a plugin's author wants to know."""

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import options, render
from augalgebra import Finding, lint

if TYPE_CHECKING:
    from augalgebra.catalog import Answer

app = typer.Typer()
plugins_app = typer.Typer()

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Plugins, as in 'augalg plugins list'; all by default.")
]


@plugins_app.command("lint", epilog="Example:  augalg plugins lint acme_waves")
def lint_plugins(
    names: Names = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are errors.")] = False,
    as_json: options.Json = False,
) -> None:
    """Look for what is wrong with plugins without running them; exit code 1 if there is an error."""
    notes = bool(names) or as_json
    findings = lint(options.catalog(), names or None, notes=notes)
    severities = ("error", "warning", "note") if notes else ("error", "warning")
    counts = {severity: sum(item.severity == severity for item in findings) for severity in severities}
    passed = not counts["error"] and not (strict and counts["warning"])
    if as_json:
        render.emit_json(
            {
                "findings": findings,
                **{f"{severity}s": count for severity, count in counts.items()},
                "strict": strict,
                "passed": passed,
            }
        )
    else:
        _show(findings, counts)
    if not passed:
        raise typer.Exit(1)


def _show(findings: tuple[Finding, ...], counts: dict[str, int]) -> None:
    for item in findings:
        render.line(str(item))
        render.line(f"    {item.hint}")
    summary = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items())
    render.line(summary)
    if "note" not in counts:
        render.note("'augalg plugins lint NAME' shows notes as well")
    if findings:
        render.note(f"'augalg explain {findings[0].code}' says more")


@plugins_app.command("trace", epilog="Example:  augalg plugins trace")
def trace_plugins(
    names: Names = None,
    as_json: options.Json = False,
) -> None:
    """Show which plugin answered what, and how long it took to import and to answer; slowest first."""
    from augalg_cli.plugins import command_names
    from augalgebra.catalog import trace

    catalog = options.catalog()
    for name in names or ():
        options.plugin_info(catalog, name)
    traces = [item for item in trace(catalog, command_names) if not names or item.info.name in names]
    total = sum(item.seconds for item in traces)
    if as_json:
        render.emit_json({"seconds": total, "plugins": traces})
        return
    render.line(f"{len(traces)} plugin{'' if len(traces) == 1 else 's'} in {_milliseconds(total)}")
    rows: list[tuple[str, str, str, str]] = []
    for item in traces:
        status = "" if item.info.status == "loaded" else item.info.status
        rows.append((item.info.name, "import", status, _milliseconds(item.import_seconds)))
        rows += [("", answer.hook, _given(answer), _milliseconds(answer.seconds)) for answer in item.answers]
    render.table(["plugin", "asked", "gave", "took"], rows, right=[2, 3])
    for item in traces:
        if item.info.reason:
            render.line(f"{item.info.name} {item.info.status}: {item.info.reason}")
        for answer in item.answers:
            if answer.problem:
                render.line(answer.problem)
            elif answer.hook in _SPELT_OUT and answer.given:
                render.line(f"{item.info.name}: {_SPELT_OUT[answer.hook]} {', '.join(answer.given)}")


_SPELT_OUT = {"augalg_probes": "probes", "augalg_commands": "commands", "augalg_heads": "decoders"}
"""What a trace names one by one; augmentations and laws are shown by ``augalg plugins info``."""


@app.command(epilog="Example:  augalg explain AUG101")
def explain(
    code: Annotated[str | None, typer.Argument(help="Number of a finding, such as AUG101; all by default.")] = None,
    as_json: options.Json = False,
) -> None:
    """Explain a finding of 'augalg plugins lint': what it means, an example, and how to mend it."""
    from augalgebra.catalog import CODES, code_of

    if code is None:
        if as_json:
            render.emit_json({"codes": tuple(CODES.values())})
        else:
            render.table(["code", "severity", "title"], [(c.code, c.severity, c.title) for c in CODES.values()])
        return
    found = code_of(code)
    if as_json:
        render.emit_json(found)
        return
    render.line(f"{found.code} ({found.severity}): {found.title}")
    render.line()
    render.line(textwrap.fill(found.meaning, 100))
    render.line()
    render.line("For example:")
    for text in found.example.splitlines():
        render.line(f"    {text}")
    render.line()
    render.line(f"How to mend it: {found.mend}.")


def _given(answer: "Answer") -> str:
    if answer.problem:
        return "failed"
    return "-" if answer.seconds is None else str(len(answer.given))


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.0f} ms"
