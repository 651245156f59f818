"""``augalg list`` and ``augalg plugins``: what is registered, by whom, and what failed."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from augalg_cli import options, render
from augalgebra import Augmentation, Catalog, Law, PluginInfo
from augalgebra.algebra import KEPT, holding_for
from augalgebra.catalog import incomplete_plugins, load_overview

app = typer.Typer()
plugins_app = typer.Typer()

MOST_EQUATIONS = 2
"""How many equations of one augmentation ``augalg list`` spells out; ``augalg plugins info`` has all."""


@app.command("list", epilog="Example:  augalg list --plugin dihedral")
def list_augmentations(
    plugin: Annotated[str | None, typer.Option("--plugin", help="Only those of one plugin.")] = None,
    as_json: options.Json = False,
) -> None:
    """Show every augmentation with its laws."""
    catalog = options.catalog()
    if plugin is not None:
        options.plugin_info(catalog, plugin)
    shown = [a for a in catalog.augmentations.values() if plugin in (None, a.plugin)]
    if as_json:
        render.emit_json({"augmentations": _augmentations_data(catalog, shown)})
        return
    by_plugin: dict[str, list[Augmentation]] = {}
    for item in shown:
        by_plugin.setdefault(item.plugin, []).append(item)
    for name, items in by_plugin.items():
        rows = [(item.signature, item.summary, "; ".join(_law_words(catalog, item))) for item in items]
        registered = name in {info.name for info in catalog.plugins if info.registered}
        title = f"{name} (registered)" if registered else name
        render.table(["augmentation", "what it does", "laws"], rows, title=title)
    render.note("'augalg plugins info NAME' spells out every law")
    _note_failures(catalog)


@plugins_app.command("list", epilog="Example:  augalg plugins list")
def list_plugins(
    refresh: Annotated[bool, typer.Option("--refresh", help="Import every plugin, whatever is remembered.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show every plugin: loaded, incomplete if it lacks a package that it needs, disabled, or failed with the reason.

    What was found is remembered in the user's cache until a plugin changes, so that none need be imported again.
    """
    found = load_overview(options.catalog, refresh=refresh)
    missing = incomplete_plugins(found.plugins)  # looked up each time: packages come and go unseen
    if as_json:
        render.emit_json({"plugins": [_plugin_data(info, missing) for info in found.plugins]})
        return
    rows = [
        (
            info.name,
            "incomplete" if info.name in missing else _status(info),
            f"{info.distribution} {info.version}".strip() if info.distribution else info.source,
            len(info.augmentations) if info.status == "loaded" else "-",
            f"{1000 * info.seconds:.0f} ms" if info.status == "loaded" else "-",
        )
        for info in found.plugins
    ]
    render.table(["plugin", "status", "from", "augmentations", "loaded in"], rows, right=[3, 4])
    for info in found.plugins:
        if info.status == "failed":
            render.line(f"{info.name} failed: {info.reason}")
    for distribution in dict.fromkeys(info.distribution for info in found.plugins if info.name in missing):
        plugins = [info.name for info in found.plugins if info.distribution == distribution and info.name in missing]
        render.line(f"{', '.join(plugins)} may fail when applied: {'; '.join(missing[plugins[0]])}")
    for line in found.left_out:
        render.note(line)


@plugins_app.command("info", epilog="Example:  augalg plugins info affine")
def plugin_info(
    name: Annotated[str, typer.Argument(help="The plugin's name, as in 'augalg plugins list'.")],
    as_json: options.Json = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where a failed plugin failed.")] = False,
) -> None:
    """Show one plugin: where it comes from, its hooks, augmentations and laws."""
    catalog = options.catalog()
    info = options.plugin_info(catalog, name)
    augmentations = [catalog.augmentations[full] for full in info.augmentations]
    further = [law for law in catalog.laws if law.owner == info.name]
    missing = incomplete_plugins((info,))
    if as_json:
        render.emit_json(
            _plugin_data(info, missing)
            | {
                "augmentations": _augmentations_data(catalog, augmentations),
                "laws": [law_data(catalog, law) for law in further],
            }
        )
        return
    render.fields(
        [
            ("plugin", info.name),
            ("status", "incomplete" if missing else _status(info)),
            ("missing", "; ".join(missing.get(info.name, ())) or None),
            ("changed", info.changed or None),
            ("reason", info.reason or None),
            ("distribution", f"{info.distribution} {info.version}" if info.distribution else None),
            ("source", info.source),
            ("contract", info.contract),
            ("hooks", ", ".join(info.hooks) or None),
        ]
    )
    if traceback and info.detail:
        render.line()
        render.line(info.detail.rstrip())
    if augmentations:
        render.line()
        branches = {
            f"{item.signature}: {item.summary}": [_law_line(catalog, law) for law in catalog.laws_of(item.name)]
            for item in augmentations
        }
        render.tree(f"{len(augmentations)} augmentations", branches)
    if further:
        render.line()
        render.write_bullets("further laws", [_law_line(catalog, law) for law in further], len(further))


def _status(info: PluginInfo) -> str:
    """The status with what the workspace says of it."""
    if not info.registered or info.status != "loaded":
        return info.status
    return "registered, changed" if info.changed else "registered"


def _note_failures(catalog: Catalog) -> None:
    failed = [info.name for info in catalog.plugins if info.status == "failed"]
    if failed:
        render.note(f"failed to load: {', '.join(failed)}; 'augalg plugins list' says why")


def _law_words(catalog: Catalog, augmentation: Augmentation) -> list[str]:
    """The laws of one augmentation, in few words; commutations are only counted when there are many."""
    words: list[str] = []
    equations: list[str] = []
    commuting: list[str] = []
    for law in catalog.laws_of(augmentation.name):
        if not law.counts:
            words.append(f"{'violated' if law.status == 'violated' else 'not checked'}: {catalog.display(law)}")
        elif law.kind == "commutes":
            commuting.append(catalog.short_name(law.lhs.symbols[-1].name))
        elif law.kind in ("involutory", "idempotent", "additive", "multiplicative"):
            words.append(f"{law.kind}{holding_for(law.conditions)}")
        elif law.kind == "keeps":
            words.append(f"keeps {KEPT[next(iter(law.conditions))]}")
        elif law.kind == "singular":
            words.append("no inverse")
        elif law.kind == "period":
            words.append(f"period {len(law.lhs)}{holding_for(law.conditions)}")
        else:
            equations.append(catalog.display(law))
    words = [*dict.fromkeys(words), *equations[:MOST_EQUATIONS]]
    if len(equations) > MOST_EQUATIONS:
        words.append(f"{len(equations) - MOST_EQUATIONS} more equations")
    if len(commuting) > 3:
        words.append(f"commutes with {len(commuting)} others")
    elif commuting:
        words.append(f"commutes with {', '.join(commuting)}")
    return words


def _law_line(catalog: Catalog, law: Law) -> str:
    remarks = {"violated": "  (violated, never used)", "unchecked": "  (not checked, and used only once it is)"}
    return catalog.display(law) + remarks.get(law.status, "")


def law_data(catalog: Catalog, law: Law) -> dict[str, Any]:
    """A law as data."""
    return {
        "equation": catalog.display(law),
        "kind": law.kind,
        "scope": law.scope,
        "tolerance": law.tolerance,
        "conditions": sorted(law.conditions),
        "owner": law.owner,
        "plugin": law.plugin,
        "status": law.status,
    }


def _augmentations_data(catalog: Catalog, augmentations: Iterable[Augmentation]) -> list[dict[str, Any]]:
    registered = {info.name: info.registered or None for info in catalog.plugins}
    return [
        {
            "name": item.name,
            "signature": item.signature,
            "summary": item.summary,
            "plugin": item.plugin,
            "registered": registered.get(item.plugin),
            "random": item.random,
            "shape": item.shape,
            "laws": [law_data(catalog, law) for law in catalog.laws_of(item.name)],
        }
        for item in augmentations
    ]


def _plugin_data(info: PluginInfo, missing: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {
        "name": info.name,
        "status": "incomplete" if info.name in missing else info.status,
        "missing": list(missing.get(info.name, ())),
        "distribution": info.distribution,
        "version": info.version,
        "source": info.source,
        "reason": info.reason,
        "contract": info.contract,
        "hooks": list(info.hooks),
        "augmentations": list(info.augmentations),
        "seconds": round(info.seconds, 4),
        "registered": info.registered or None,
        "changed": info.changed or None,
    }
