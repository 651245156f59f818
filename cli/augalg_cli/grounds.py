"""What an answer rests on: which laws, who declared them, whether they were checked, and which were left out."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from augalg_cli import options, render
from augalgebra import Catalog, Law, Word
from augalgebra.algebra import Proof

Assume = Annotated[
    list[str] | None,
    typer.Option(
        "--assume",
        metavar="PLUGIN",
        help="Take what this plugin declares about others' augmentations for true, unchecked; may be repeated.",
    ),
]


def load_catalog(assume: Iterable[str] | None = None) -> Catalog:
    """The catalog, with what these plugins say of others' augmentations taken for true."""
    catalog = options.catalog()
    for plugin in assume or ():
        catalog.assume(plugin)
    return catalog


def explain(catalog: Catalog, laws: Iterable[Law], *words: Word) -> dict[str, Any]:
    """The laws that an answer about some words rests on, and those that were left out, as data."""
    return {
        "rests_on": [_law_data(catalog, law) for law in dict.fromkeys(laws)],
        "left_out": [
            _law_data(catalog, item.law) | {"violated": item.violated, "reason": catalog.shorten(item.reason)}
            for item in catalog.left_out(*words)
        ],
    }


def explain_proof(catalog: Catalog, proof: Proof) -> list[dict[str, Any]]:
    """The steps of a proof as data, each with who declared its law."""
    steps = []
    for step in proof.steps:
        laws = (*((step.law,) if isinstance(step.law, Law) else step.law.laws), *step.keeping)
        steps.append(
            {
                "before": catalog.display(step.before),
                "after": catalog.display(step.after),
                "law": catalog.shorten(step.text),
                "declared_by": list(dict.fromkeys(map(_declarer, laws))),
                "checked": all(law.status == "checked" for law in laws),
            }
        )
    return steps


def summarise(answer: dict[str, Any]) -> str:
    """Whose laws an answer rests on, in a few words; empty if it needs none."""
    counts = Counter((law["declared_by"], law["checked"]) for law in answer["rests_on"])
    return ", ".join(
        f"{count} law{'s' if count > 1 else ''} of {plugin} ({'' if checked else 'not '}checked)"
        for (plugin, checked), count in counts.items()
    )


def tell(answer: dict[str, Any], *, summary: bool = True) -> None:
    """Write to standard error whose laws an answer rests on, and which laws were left out of it."""
    if summary and answer["rests_on"]:
        render.note(f"rests on {summarise(answer)}")
    for law in answer["left_out"]:
        hint = "" if law["violated"] else f"; --assume {law['declared_by']} takes it for true"
        render.note(f"left out: {law['law']}, declared by {law['declared_by']}: {law['reason']}{hint}")


def _law_data(catalog: Catalog, law: Law) -> dict[str, Any]:
    return {"law": catalog.display(law), "declared_by": _declarer(law), "checked": law.status == "checked"}


def _declarer(law: Law) -> str:
    return law.plugin or law.owner or "nobody"
