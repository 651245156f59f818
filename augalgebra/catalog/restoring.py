"""What was registered in a workspace, as plugins to load, and whether it is still what it was."""

import functools
import importlib.util
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pluggy

from augalgebra.algebra.laws import Law, parse_law
from augalgebra.algebra.words import Word
from augalgebra.augmentation import Augmentation
from augalgebra.catalog.catalog import Catalog
from augalgebra.catalog.declarations import DEFAULT_APPROXIMATE
from augalgebra.catalog.digest import files_digest, laws_digest
from augalgebra.catalog.plugin import PluginInfo, PluginSource
from augalgebra.catalog.registration import Registration, is_path, leaves
from augalgebra.catalog.sources import module_source, sources_of
from augalgebra.errors import AugalgebraError, PluginError
from augalgebra.hooks import CONTRACT_VERSION, Register, hookimpl
from augalgebra.isolation import describe, isolate, seconds_allowed

if TYPE_CHECKING:
    from torch import Tensor


def sources(
    items: Iterable[Registration],
    workspace: Path,
    installed: Collection[str] | None,
    managers: Mapping[str, pluggy.PluginManager],
) -> list[PluginSource]:
    """What has to be loaded for registrations; what is gone becomes a source that fails with the reason.

    Args:
        items: The registrations.
        workspace: The folder that their paths start from.
        installed: Names of the plugins of installed distributions, which are loaded anyway; None if not all are.
        managers: The plugins that were loaded by the time a source is.
    """
    found: list[PluginSource] = []
    for item in items:
        if item.contract > CONTRACT_VERSION:
            reason = (
                f"registered against version {item.contract} of the plugin contract, and this augalgebra knows "
                f"{CONTRACT_VERSION}; upgrade it"
            )
            found.extend(_gone(item, reason, name) for name in item.plugins)
        elif item.kind == "installed":
            missing = [name for name in item.plugins if installed is not None and name not in installed]
            reason = f"registered, but {item.distribution or item.target} is not installed here any more"
            found.extend(_gone(item, reason, name) for name in missing)
        elif _is_stranger(item, workspace):
            reason = (
                f"{item.target} lies outside this folder and is not what was registered; register it again, or "
                f"{_unregister(item)}"
            )
            found.extend(_gone(item, reason, name) for name in item.plugins)
        elif item.kind == "transform":
            plugin = functools.partial(_transform_plugin, item, workspace, managers)
            found.append(PluginSource(item.name, plugin, item.distribution, version_of(item, workspace), item.target))
        else:
            found.extend(_code(item, workspace))
    return found


def _is_stranger(item: Registration, workspace: Path) -> bool:
    """Whether something outside the workspace has changed, so that whoever wrote the workspace file may not know it.

    What lies inside comes from the same hand as the workspace file, and is only said to have changed.
    """
    path = path_of(item, workspace)
    if path is None or not path.exists():
        return False
    return leaves(path, workspace) and version_of(item, workspace) != item.version


def path_of(item: Registration, workspace: Path) -> Path | None:
    """The file or folder that a registration names, if it names one."""
    if is_path(item.kind, item.target):
        return Path(os.path.realpath(workspace / item.target))
    return None


def version_of(item: Registration, workspace: Path) -> str:
    """The version that something registered has now: its distribution's, or a digest of its files; "" if it is gone."""
    try:
        path = path_of(item, workspace)
        if path is not None:
            return files_digest(sorted(path.rglob("*.py")) if path.is_dir() else [path])
        if item.kind == "module":
            spec = importlib.util.find_spec(item.target)
            return files_digest([Path(spec.origin)]) if spec and spec.has_location and spec.origin else ""
        from importlib.metadata import version  # which takes longer to import than the rest of this module

        return version(item.distribution)
    except Exception:  # noqa: BLE001 - looking for a module imports what it is in; loading it tells what is wrong
        return ""


def build(
    item: Registration, workspace: Path, managers: Mapping[str, pluggy.PluginManager], name: str
) -> Augmentation | None:
    """Have a transform built by the plugin that wraps its library.

    Raises:
        PluginError: That plugin is not loaded, or the file is gone.
        AugalgebraError: There is no such transform, or it is not one function of the image.
    """
    if item.through not in managers:
        raise PluginError(f"{item.target} needs the plugin {item.through}, which is not loaded")
    path = path_of(item, workspace)
    if path is not None and not path.is_file():
        raise PluginError(f"the registered file {item.target} is gone; bring it back, or {_unregister(item)}")
    target = item.target.partition(":")[2] if path is None else str(path)
    try:
        with isolate(item.through, limit=seconds_allowed()):
            answers = managers[item.through].hook.augalg_target(target=target, name=name)
    except AugalgebraError:
        raise
    except Exception as error:
        problem = describe(error)
        raise PluginError(f"the plugin {item.through} could not build {item.target}: {problem}") from error
    return next((answer for answer in answers if isinstance(answer, Augmentation)), None)


def laws(items: Iterable[Registration]) -> list[Law]:
    """The laws that were accepted when things were registered.

    Raises:
        AugalgebraError: One is no law.
    """
    return [_owned(recognise(parse_law(text)), item) for item in items for text in item.accepted]


def recall_checks(catalog: Catalog, items: Iterable[Registration]) -> tuple[Law, ...]:
    """The catalog's laws, with those checked that this user's cache knows to hold.

    Whoever registers something has its laws checked, which the cache remembers. A workspace file that came with
    somebody else's folder vouches for nothing: its laws are checked where a question first meets them.
    """
    names = {name for item in items for name in item.plugins}
    return tuple(catalog.trust.recall(law) if law.plugin in names else law for law in catalog.laws)


def recognise(law: Law) -> Law:
    """A law under the kind that its form tells, so that it is shown as a declared one would be."""
    left, right = law.lhs, law.rhs
    if law.kind != "law":
        return law
    if law.scope == "approximate" and law.tolerance is None:
        law = replace(law, tolerance=DEFAULT_APPROXIMATE)
    if len(left.syllables) == 1 and left.syllables[0][1] > 1:
        if not right:
            return replace(law, kind="involutory" if len(left) == 2 else "period")
        return replace(law, kind="idempotent") if right**2 == left else law
    if len(left) == 1 and left.syllables[0][1] == 1:
        return replace(law, kind="equals")
    if len(left) == 2 and right == Word.from_letters(left.letters[::-1]):
        return replace(law, kind="commutes")
    return law


def mark_changes(catalog: Catalog, items: Collection[Registration], workspace: Path) -> tuple[PluginInfo, ...]:
    """What became of the plugins, with what was registered among them, and how that has changed since."""
    owner = {name: item for item in items for name in item.plugins}
    infos = []
    for info in catalog.plugins:
        item = owner.get(info.name)
        if item is not None and info.status == "loaded":
            changed = "; ".join(_changes(catalog, info, item, workspace))
            info = replace(info, registered=item.name, changed=changed)
        elif item is not None:
            info = replace(info, registered=item.name)
        infos.append(info)
    return tuple(infos)


def _changes(catalog: Catalog, info: PluginInfo, item: Registration, workspace: Path) -> Iterable[str]:
    now = version_of(item, workspace)
    if now != item.version:
        if item.kind in ("installed", "transform") and path_of(item, workspace) is None:
            yield f"it has version {now or 'unknown'} now, not {item.version or 'unknown'}"
        else:
            yield "its content is another now"
    known = {augmentation.name: augmentation for augmentation in item.augmentations}
    for name in info.augmentations:
        if name not in known:
            yield f"{name} is new"
        elif laws_digest(catalog, name) != known[name].laws:
            yield f"the laws of {name} are others now"
    if info.name == item.plugins[-1]:
        yield from (f"{name} is gone" for name in known if name not in catalog.augmentations)


def _owned(law: Law, item: Registration) -> Law:
    own = {augmentation.name for augmentation in item.augmentations}
    owner = next((symbol.name for symbol in law.symbols if symbol.name in own), item.name)
    return replace(law, owner=owner, plugin=item.plugins[-1], status="unchecked")


def _code(item: Registration, workspace: Path) -> Iterable[PluginSource]:
    path = path_of(item, workspace)
    if path is not None and not path.exists():
        reason = f"the registered {item.kind} {item.target} is gone; bring it back, or {_unregister(item)}"
        return [_gone(item, reason, name) for name in item.plugins]
    try:
        found = [module_source(item.target)] if path is None else sources_of(path)
    except AugalgebraError as error:
        return [_gone(item, str(error), name) for name in item.plugins]
    # a registered folder is one thing, whichever of its files a plugin is
    version = version_of(item, workspace)
    return [source if source.version and source.distribution else replace(source, version=version) for source in found]


def _gone(item: Registration, reason: str, plugin: str) -> PluginSource:
    def load() -> NoReturn:
        raise PluginError(reason)

    return PluginSource(plugin, load, item.distribution, item.version, item.target)


def _unregister(item: Registration) -> str:
    return f"take it out with 'augalg unregister {item.name}'"


def _transform_plugin(item: Registration, workspace: Path, managers: Mapping[str, pluggy.PluginManager]) -> object:
    path = path_of(item, workspace)
    if item.through not in managers or (path is not None and not path.is_file()):
        build(item, workspace, managers, item.name)  # raises with the reason
    return _Transform(item, functools.partial(build, item, workspace, managers))


class _Transform:
    """A transform of a wrapped library as a plugin; the library is imported when the transform is first applied."""

    def __init__(self, item: Registration, make: Callable[[str], Augmentation | None]) -> None:
        self.item = item
        self.make = functools.cache(make)

    @hookimpl
    def augalg_register(self, register: Register) -> None:
        """Register it as it was when it was recorded."""
        for known in self.item.augmentations:
            function = functools.partial(self._apply, known.name)
            function.__doc__ = known.summary
            register(known.name, shape=known.shape, tolerance=known.tolerance)(function)

    def _apply(self, name: str, images: "Tensor") -> "Tensor":
        made = self.make(name)
        if made is None:
            raise PluginError(f"the plugin {self.item.through} knows no {self.item.target} any more")
        return made.function(images)
