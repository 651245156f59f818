"""Composition queries: ``compose``, ``equal``, ``inverse``, ``route``, ``table``."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast

import typer

from augalg_cli import grid_runs, grounds, options, render
from augalg_cli.asked import Asked
from augalg_cli.datasets import Moved
from augalgebra import AugalgebraError, Catalog
from augalgebra.algebra import Conditions, Scope, holding_for, queries

app = typer.Typer()

Side = Literal["two-sided", "left", "right"]

MISSING = {
    "none": "there is none",
    "unknown": "not known",
    "right": "only one that comes after",
    "left": "only one that comes before",
}
"""How the lack of a two-sided inverse is put, by kind."""
LEFT_OUT = "The proof is too long to be spelt out: its steps are left out, the laws it rests on are named"
WIDEST_TABLE = 24
"""Most elements whose table is drawn; a larger one is for ``--json``."""


@app.command(epilog='Example:  augalg compose "flip_lr * flip_ud * rotate_cw^2"')
def compose(
    context: typer.Context,
    word: options.Word,
    model: options.Model = None,
    images: options.Images = 500,
    space: grid_runs.Space = None,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    assume: grounds.Assume = None,
    as_json: options.Json = False,
) -> None:
    """Say what a composition is: its normal form, inverse, period and kind."""
    if model is None:
        options.refuse_idle(context, options.NEEDS_RUN, "images", "space", "moved", "data_dir")
    catalog = grounds.load_catalog(assume)
    canonical = catalog.word(word)
    system = catalog.system(canonical)
    derivation = queries.derive(system, canonical)
    normal = system.normal_form(canonical)
    found = catalog.inverse(canonical)
    period = queries.strongest(system, lambda rules: queries.period(rules, canonical))
    involutory = queries.strongest(system, lambda rules: queries.is_involutory(rules, canonical))
    idempotent = queries.strongest(system, lambda rules: queries.is_idempotent(rules, canonical))
    undone = found.word if found.kind == "two-sided" else None
    strength: dict[str, tuple[Conditions, Scope]] = {
        "inverse": (found.conditions, found.scope),
        "period": period[1:],
        "involutory": involutory[1:],
        "idempotent": idempotent[1:],
    }
    against = [system.presentation.obstacle(symbol) for symbol in normal.symbols] if found.kind == "none" else []
    proved = (law for proof in (derivation, *found.proofs) for law in proof.premises)
    laws = [*proved, *(law for law in against if law is not None)]
    answer: dict[str, Any] = {
        "word": catalog.display(canonical),
        "normal_form": catalog.display(normal),
        "inverse": None if undone is None else catalog.display(undone),
        "period": period[0],
        "involutory": involutory[0],
        "idempotent": idempotent[0],
        "invertible": {"two-sided": True, "unknown": None}.get(found.kind, False),
        "inverse_kind": found.kind,
        "reason": catalog.shorten(found.reason),
        "scope": derivation.scope,
        "conditions": sorted(derivation.conditions),
        "conditions_of": {name: sorted(conditions) for name, (conditions, _) in strength.items()},
        "scope_of": {name: scope for name, (_, scope) in strength.items()},
        "completed": system.completed,
        "proof": grounds.explain_proof(catalog, derivation),
        "proof_left_out": bool(derivation.unspelt),
        **grounds.explain(catalog, laws, canonical),
    }
    asked = None
    if model is not None:
        asked = Asked(context, model, images, space=space, moved=moved, data_dir=data_dir, quiet=as_json)
        measured = asked.run.measure(canonical, **asked.on)
        answer["measured"] = {"run": str(model), **measured.to_dict()}
    if as_json:
        render.emit_json(answer)
        return
    render.fields(
        [
            ("word", answer["word"]),
            ("normal form", answer["normal_form"]),
            ("inverse", _for(answer["inverse"], *strength["inverse"]) or f"{MISSING[found.kind]}: {answer['reason']}"),
            ("period", _for(period[0], *strength["period"]) or "none found"),
            ("involutory", _for(render.yes_no(involutory[0]), *strength["involutory"])),
            ("idempotent", _for(render.yes_no(idempotent[0]), *strength["idempotent"])),
            ("rests on", grounds.summarise(answer) or None),
        ]
    )
    grounds.tell(answer, summary=False)
    if derivation.conditions:
        render.line(f"The normal form holds{holding_for(derivation.conditions)}.")
    if derivation.unspelt:
        render.note(LEFT_OUT)
    if derivation.scope == "approximate":
        render.line("The normal form rests on laws that hold approximately, up to interpolation.")
    if refused := catalog.refusal(normal):
        render.note(f"The normal form cannot be applied: {refused}")
    if not system.completed:
        render.note(f"The rules are not complete, so a shorter equal word may exist: {catalog.shorten(system.reason)}")
    if asked is not None:
        asked.show_word(measured)


@app.command(epilog='Example:  augalg equal "rotate_cw * flip_lr" "flip_lr * rotate_cw^-1"')
def equal(
    context: typer.Context,
    first: options.Word,
    second: options.Word,
    level: Annotated[
        Literal["auto", "laws", "pixel", "latent"],
        typer.Option(
            help="Decide by the declared laws, on images, by laws first and then on images, or by what the run "
            "named by --model draws."
        ),
    ] = "auto",
    size: Annotated[
        int,
        typer.Option(
            min=8,
            max=options.LARGEST,
            help="Height and width of the images; a rectangle and another square near it count too.",
        ),
    ] = 28,
    model: options.Model = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            callback=options.finite,
            help="With --model: drawn difference, as a share of what is moved, that counts as equal. Default: 0.1; "
            "on a pretrained autoencoder agreement in dB, from the bar on by which 'check' says that a word holds.",
        ),
    ] = None,
    images: options.Images = 500,
    space: grid_runs.Space = None,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    assume: grounds.Assume = None,
    as_json: options.Json = False,
) -> None:
    """Say whether two compositions are equal; exit code 1 if they are not."""
    if model is None:
        options.refuse_idle(context, options.NEEDS_RUN, "threshold", "images", "space", "moved", "data_dir")
    if level in ("laws", "latent"):
        options.refuse_idle(context, "images: leave --level out, or say --level pixel", "size")
    catalog = grounds.load_catalog(assume)
    if level == "latent" and model is None:
        raise AugalgebraError("--level latent asks what a trained run draws; name one with --model RUN")
    answer: dict[str, Any] = {}
    if level in ("auto", "laws"):
        answer = _equal_by_laws(catalog, first, second)
    if level == "pixel" or (level == "auto" and not answer["equal"]):
        left_out = answer.get("left_out", [])
        answer = _equal_on_images(catalog, first, second, size) | {"rests_on": [], "left_out": left_out}
    asked = None
    if model is not None:
        asked = Asked(context, model, images, space=space, moved=moved, data_dir=data_dir, quiet=as_json)
        chosen: dict[str, Any] = {} if threshold is None else {"threshold": threshold}
        measured = asked.run.compare(first, second, **chosen, **asked.on)
        found = measured.to_dict()
        answer = (answer or found) | {"measured": {"run": str(model), **found}}
    if as_json:
        render.emit_json(answer)
    else:
        render.line(answer["reason"])
        steps = answer.get("proof", [])
        if steps:
            render.line(f"    {steps[0]['before']}")
        width = min(40, max((len(step["after"]) for step in steps), default=0))
        for step in steps:
            declared = f"{', '.join(step['declared_by'])}, {'' if step['checked'] else 'not '}checked"
            render.line(f"  = {step['after'].ljust(width)}  [{step['law']}; {declared}]")
        if answer.get("proof_left_out"):
            render.note(LEFT_OUT)
        if "left_out" in answer:
            grounds.tell(answer, summary=False)
        if asked is not None:
            asked.show_comparison(measured)
    if answer["equal"] is not True:
        raise typer.Exit(1)


@app.command(epilog='Example:  augalg inverse "rotate_cw * shear_x(-45)"')
def inverse(
    word: options.Word,
    side: Annotated[
        Side,
        typer.Option(help="A one-sided inverse is given only when asked for: 'right' comes after the word."),
    ] = "two-sided",
    assume: grounds.Assume = None,
    as_json: options.Json = False,
) -> None:
    """Give the word that undoes a composition, or say why there is none."""
    catalog = grounds.load_catalog(assume)
    canonical = catalog.word(word)
    found = catalog.inverse(canonical)
    undone = catalog.display(queries.demand(found, side))
    answer = {
        "word": catalog.display(canonical),
        "inverse": undone,
        "kind": found.kind,
        "reason": catalog.shorten(found.reason),
        "scope": found.scope,
        "conditions": sorted(found.conditions),
        **grounds.explain(catalog, (law for proof in found.proofs for law in proof.premises), canonical),
    }
    if as_json:
        render.emit_json(answer)
    else:
        render.line(undone)
        _note_strength(found.conditions, found.scope)
        grounds.tell(answer)


@app.command(epilog="Example:  augalg route flip_lr rotate_cw")
def route(
    context: typer.Context,
    start: options.Word,
    goal: options.Word,
    model: options.Model = None,
    images: options.Images = 500,
    space: grid_runs.Space = None,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    assume: grounds.Assume = None,
    as_json: options.Json = False,
) -> None:
    """Give the shortest way from one view to another; with --model also the one that measures best."""
    if model is None:
        options.refuse_idle(context, options.NEEDS_RUN, "images", "space", "moved", "data_dir")
    catalog = grounds.load_catalog(assume)
    here, there = catalog.word(start), catalog.word(goal)
    found = catalog.find_route(here, there)
    way = found.word
    answer: dict[str, Any] = {
        "from": catalog.display(here),
        "to": catalog.display(there),
        "route": catalog.display(way),
        "length": len(way),
        "scope": found.proof.scope,
        "conditions": sorted(found.proof.conditions),
        **grounds.explain(catalog, found.proof.premises, here, there),
    }
    asked = None
    if model is not None:
        asked = Asked(context, model, images, space=space, moved=moved, data_dir=data_dir, quiet=as_json)
        measured = asked.run.routes(start, goal, **asked.on)
        answer["measured"] = {"run": str(model), **measured.to_dict()}
    if as_json:
        render.emit_json(answer)
    elif asked is None:
        render.line(answer["route"])
        _note_strength(found.proof.conditions, found.proof.scope)
        grounds.tell(answer)
    else:
        asked.show_routes(measured, answer["route"])


@app.command(epilog="Example:  augalg table flip_lr rotate_cw")
def table(
    names: options.Generators,
    bound: Annotated[int, typer.Option(min=1, help="Stop after so many elements.")] = 200,
    assume: grounds.Assume = None,
    as_json: options.Json = False,
) -> None:
    """Give the Cayley table that follows from the declared laws; exit code 1 if it is not finished."""
    from augalgebra.algebra import identify

    catalog = grounds.load_catalog(assume)
    generators = [catalog.word(name) for name in names]
    system = catalog.system(*generators)
    found = queries.cayley_table(system, generators, bound)
    rests = grounds.explain(catalog, system.presentation.equations, *generators)
    # a complete table has no missing product
    group = identify(cast("Sequence[Sequence[int]]", found.products)) if found.complete else None
    elements = [catalog.display(element) for element in found.elements]
    if as_json:
        render.emit_json(
            {
                "generators": [catalog.display(generator) for generator in generators],
                "order": len(elements),
                "complete": found.complete,
                "reason": catalog.shorten(found.reason),
                "group": group,
                "conditions": sorted(found.conditions),
                "elements": elements,
                "table": found.products,
                **rests,
            }
        )
    else:
        grounds.tell(rests)
        if found.complete:
            what = f"{len(elements)} elements{f', the group {group}' if group else ''}{holding_for(found.conditions)}"
            _show_table(elements, found.products, what)
        else:
            render.line(f"not finished after {len(elements)} elements: {catalog.shorten(found.reason)}")
    if not found.complete:
        raise typer.Exit(1)


def _show_table(elements: list[str], products: "Sequence[Sequence[int | None]]", what: str) -> None:
    render.line(f"{what}; the row comes first:")
    for index, element in enumerate(elements):
        render.line(f"  {index:>3}  {element}")
    if len(elements) <= WIDEST_TABLE:
        render.cayley_table(products)
    else:
        render.note(f"the table of {len(elements)} elements is wide; --json gives it")


def _for(value: object, conditions: Conditions, scope: Scope) -> str:
    """A value with the pictures that it is for, and how exactly; empty if there is none."""
    if not value:
        return ""
    about = f"{', approximately' if scope == 'approximate' else ''}{holding_for(conditions)}"
    return f"{value}{',' if conditions and scope == 'exact' else ''}{about}"


def _note_strength(conditions: Conditions, scope: Scope) -> None:
    how = " approximately, up to interpolation," if scope == "approximate" else ""
    about = f"{how}{holding_for(conditions)}".rstrip(",")
    if about:
        render.note(f"This holds{about}.")


def _equal_by_laws(catalog: Catalog, first: str, second: str) -> dict[str, Any]:
    found = catalog.equal(first, second)
    answer: dict[str, Any] = {"equal": found.equal, "level": "laws", "reason": catalog.shorten(found.reason)}
    laws = () if found.proof is None else found.proof.premises
    answer |= grounds.explain(catalog, laws, catalog.word(first), catalog.word(second))
    if found.proof is not None:
        answer |= {
            "scope": found.scope,
            "conditions": sorted(found.conditions),
            "proof": grounds.explain_proof(catalog, found.proof),
            "proof_left_out": bool(found.proof.unspelt),
        }
    return answer


def _equal_on_images(catalog: Catalog, first: str, second: str, size: int) -> dict[str, Any]:
    from augalgebra.checks import compare_words

    found = compare_words(catalog, first, second, size=size)
    return found.to_dict()
