"""Composition queries: ``compose``, ``equal``, ``inverse``, ``route``, ``table``."""

from typing import Annotated, Any, Literal

import typer

from augalg_cli import options, render
from augalgebra import Catalog, queries

Side = Literal["two-sided", "left", "right"]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    panel = "Composition queries"
    app.command(rich_help_panel=panel, epilog='Example:  augalg compose "flip_lr * flip_ud * rotate_cw^2"')(compose)
    app.command(
        rich_help_panel=panel, epilog='Example:  augalg equal "rotate_cw * flip_lr" "flip_lr * rotate_cw^-1"'
    )(equal)
    app.command(rich_help_panel=panel, epilog='Example:  augalg inverse "rotate_cw * shear_x(-45)"')(inverse)
    app.command(rich_help_panel=panel, epilog="Example:  augalg route flip_lr rotate_cw")(route)
    app.command(rich_help_panel=panel, epilog="Example:  augalg table flip_lr rotate_cw")(table)


def compose(word: options.Word, as_json: options.Json = False) -> None:
    """Say what a composition is: its normal form, inverse, period and kind."""
    catalog = options.catalog()
    canonical = catalog.word(word)
    system = catalog.system(canonical)
    derivation = system.derive(canonical)
    normal = system.normal_form(canonical)
    inverse_of = queries.inverse(system, canonical)
    answer: dict[str, Any] = {
        "word": catalog.display(canonical),
        "normal_form": catalog.display(normal),
        "inverse": catalog.display(inverse_of.word) if inverse_of.kind == "two-sided" else None,
        "period": queries.period(system, canonical),
        "involutory": queries.is_involutory(system, canonical),
        "idempotent": queries.is_idempotent(system, canonical),
        "invertible": inverse_of.invertible,
        "scope": derivation.scope,
        "reason": inverse_of.reason,
        "completed": system.completed,
        "proof": proof_data(catalog, derivation),
    }
    if as_json:
        render.emit_json(answer)
        return
    render.fields(
        [
            ("word", answer["word"]),
            ("normal form", answer["normal_form"]),
            ("inverse", answer["inverse"] or f"none known: {inverse_of.reason}"),
            ("period", answer["period"] or "none found"),
            ("involutory", render.yes_no(answer["involutory"])),
            ("idempotent", render.yes_no(answer["idempotent"])),
        ]
    )
    show_scope(derivation)


def equal(
    first: options.Word,
    second: options.Word,
    level: Annotated[
        Literal["auto", "laws", "pixel"],
        typer.Option(help="Decide by the declared laws, on images, or by laws first and then on images."),
    ] = "auto",
    size: Annotated[int, typer.Option(min=1, help="Height and width of the images.")] = 28,
    as_json: options.Json = False,
) -> None:
    """Say whether two compositions are equal; exit code 1 if they are not."""
    catalog = options.catalog()
    if level != "pixel":
        answer = _equal_by_laws(catalog, first, second)
    if level == "pixel" or (level == "auto" and not answer["equal"]):
        answer = _equal_on_images(catalog, first, second, size)
    if as_json:
        render.emit_json(answer)
    else:
        verdict = {True: "equal", False: "not equal", None: "not decided"}[answer["equal"]]
        render.line(f"{verdict}: {answer['reason']}")
        for index, step in enumerate(answer.get("proof", [])):
            if index == 0:
                render.line(f"    {step['before']}")
            render.line(f"  = {step['after']:<40}  [{step['law']}]")
    if answer["equal"] is not True:
        raise typer.Exit(1)


def inverse(
    word: options.Word,
    side: Annotated[
        Side, typer.Option(help="A one-sided inverse is given only when asked for: 'right' comes after the word.")
    ] = "two-sided",
    as_json: options.Json = False,
) -> None:
    """Give the word that undoes a composition, or say why there is none."""
    catalog = options.catalog()
    canonical = catalog.word(word)
    found = queries.require_inverse(catalog.system(canonical), canonical, side)
    if as_json:
        render.emit_json(
            {
                "word": catalog.display(canonical),
                "inverse": catalog.display(found.word),
                "kind": found.kind,
                "reason": found.reason,
            }
        )
    else:
        render.line(catalog.display(found.word))


def route(start: options.Word, goal: options.Word, as_json: options.Json = False) -> None:
    """Give the shortest way from one view to another."""
    catalog = options.catalog()
    way = catalog.route(start, goal)
    if as_json:
        render.emit_json(
            {
                "from": catalog.display(catalog.word(start)),
                "to": catalog.display(catalog.word(goal)),
                "route": catalog.display(way),
                "length": len(way),
            }
        )
    else:
        render.line(catalog.display(way))
