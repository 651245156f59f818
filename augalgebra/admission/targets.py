"""From what a user names to the entry that the workspace would have for it."""

import ast
import importlib.metadata
import os
import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import cast

from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.words import word_of
from augalgebra.catalog import Catalog, Registration, Settings, load_catalog, load_target
from augalgebra.catalog import restoring as loading
from augalgebra.catalog.registration import Kind, RegisteredAugmentation
from augalgebra.errors import AugalgebraError, PluginError, UnknownNameError

NAMESPACE = "workspace"
"""Namespace of transforms that are registered under a name of their own."""


def registration_of(target: str, settings: Settings, name: str | None) -> Registration:
    """The entry for a target before anything is known of its laws."""
    prefix, colon, _ = target.partition(":")
    file = Path(target).expanduser()
    foreign = file.is_file() and file.suffix not in ("", ".py")
    if (colon and prefix.isidentifier() and not file.exists()) or foreign:
        return _transform(target, settings, name, foreign=foreign)
    if name is not None:
        raise AugalgebraError(
            f"--name is for transforms such as albumentations:Solarize; {target} brings its own names"
        )
    found = load_target(target, settings=Settings(disable=settings.disable), folders=settings.folders)
    plugins = tuple(info.name for info in found.plugins)
    info = found.plugins[0]
    path = Path(found.source) if found.kind in ("file", "folder") else None
    own = plugins[0] if len(plugins) == 1 else info.distribution or (path.name if path else target)
    shown = target if path is None else _relative(path, settings.workspace)
    kind = cast("Kind", found.kind)  # a text never means an object, the one kind that cannot be registered
    return _versioned(Registration(own, shown, kind, plugins, info.distribution), settings.workspace)


def previous_of(item: Registration, settings: Settings) -> Registration | None:
    """The registration that this one takes the place of: the same target, or one whose file has moved here.

    Raises:
        PluginError: Another target has the name.
    """
    for other in settings.registered:
        if other.name == item.name:
            path = loading.path_of(other, settings.workspace)
            if other.target != item.target and (path is None or path.exists()):
                raise PluginError(
                    f"{item.name!r} is registered already, for {other.target}; 'augalg unregister {item.name}' first"
                )
            return other
    return None


def _transform(target: str, settings: Settings, name: str | None, *, foreign: bool) -> Registration:
    """The entry for what a plugin builds from a text or a file."""
    prefix, _, text = target.partition(":")
    canonical = _relative(Path(target).expanduser().resolve(), settings.workspace)
    if not foreign:
        canonical = f"{prefix}:{_spelt(text)}"
    same = [other for other in settings.registered if other.target == canonical]
    wanted = None if name is None else _full(name)
    previous = next((other for other in same if wanted in (None, other.augmentations[0].name)), None)
    others = tuple(other for other in settings.registered if other is not previous)
    base = load_catalog(replace(settings, registered=others))
    makers = [plugin for plugin, manager in base.managers.items() if manager.hook.augalg_target.get_hookimpls()]
    if not foreign and prefix not in makers:
        if prefix in base.managers:
            raise PluginError(f"the plugin {prefix} builds nothing from a text; those that do: {', '.join(makers)}")
        raise UnknownNameError("plugin", prefix, makers, "('augalg plugins list' shows all)")
    full = previous.augmentations[0].name if previous else _new_name(name, text or Path(target).stem, base, others)
    item = _versioned(Registration(full.rpartition(".")[2], canonical, "transform"), settings.workspace)
    for maker in makers if foreign else [prefix]:
        item = replace(item, through=maker)
        made = loading.build(item, settings.workspace, base.managers, full)
        if made is not None:
            described = RegisteredAugmentation(full, made.signature, made.shape, "", made.tolerance, made.summary)
            library = _distribution(maker, base)
            return replace(item, plugins=(item.name,), distribution=library, augmentations=(described,))
    raise PluginError(f"{target}: no plugin can read such a file; those that build transforms: {', '.join(makers)}")


def _versioned(item: Registration, workspace: Path) -> Registration:
    return replace(item, version=loading.version_of(item, workspace))


def _spelt(text: str) -> str:
    """A call with canonical spaces and quotes, so that one target is recognised however it was typed."""
    try:
        return ast.unparse(ast.parse(text.strip(), mode="eval")).removesuffix("()")
    except (SyntaxError, ValueError):  # the plugin tells what is wrong with it
        return text


def _full(name: str) -> str:
    return name if "." in name else f"{NAMESPACE}.{name}"


def _new_name(name: str | None, text: str, base: Catalog, others: Collection[Registration]) -> str:
    taken = {full.rpartition(".")[2] for full in base.augmentations} | {other.name for other in others}
    taken |= {info.name for info in base.plugins}
    if name is not None:
        full = _full(name)
        short = full.rpartition(".")[2]
        if not _is_name(full) or not _is_name(short):
            raise AugalgebraError(f"--name {name!r} is not a name; use letters, digits and '_', such as sunny")
        holder = next((other for other in others if other.name == short), None)
        if holder is not None:
            raise AugalgebraError(
                f"{short!r} is registered already, for {holder.target}; choose another --name, or "
                f"'augalg unregister {short}' first"
            )
        if full in base.augmentations or short in {info.name for info in base.plugins}:
            raise AugalgebraError(f"the name {short!r} is taken; choose another --name")
        return full
    word = re.match(r"\w*", text).group() or "transform"  # type: ignore[union-attr]  # it matches any text
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", word).lower()
    short = words if _is_name(words) else f"transform_{words}"
    number = 1
    while (numbered := short if number == 1 else f"{short}_{number}") in taken:
        number += 1
    return _full(numbered)


def _is_name(text: str) -> bool:
    try:
        return parse_word(text) == word_of(text)
    except AugalgebraError:
        return False


def _distribution(plugin: str, catalog: Catalog) -> str:
    """What a plugin wraps: the library that it is named after, or what it comes from itself."""
    try:
        return importlib.metadata.distribution(plugin).name
    except importlib.metadata.PackageNotFoundError:
        return next((info.distribution for info in catalog.plugins if info.name == plugin), "")


def _relative(path: Path, workspace: Path) -> str:
    """A path as seen from the workspace, so that the two can be moved together; absolute if it lies outside."""
    path = path.resolve()
    folder = workspace.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else os.fspath(path)
