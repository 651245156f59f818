"""Finding and loading plugins, one by one, each in a plugin manager of its own.

A plugin that fails in any way is reported with its reason and contributes nothing; the others never notice.
"""

import contextlib
import copy
import functools
import importlib
import importlib.util
import inspect
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

import pluggy

from augalgebra._version import __version__
from augalgebra.algebra.laws import Law
from augalgebra.augmentation import Augmentation
from augalgebra.catalog import restoring
from augalgebra.catalog.catalog import Catalog
from augalgebra.catalog.declarations import Recorder, as_laws
from augalgebra.catalog.plugin import PluginInfo, PluginSource
from augalgebra.catalog.settings import Settings
from augalgebra.catalog.sources import installed_plugins, plugin_files
from augalgebra.errors import PluginError, nearest
from augalgebra.hooks import CONTRACT_ATTRIBUTE, CONTRACT_VERSION, OLDEST_CONTRACT, PROJECT, HookSpecs
from augalgebra.isolation import describe, isolate, seconds_allowed, take

HOOKS = tuple(name for name in vars(HookSpecs) if name.startswith("augalg_"))


@dataclass(frozen=True)
class _Candidate:
    name: str
    load: Callable[[], object]
    distribution: str
    version: str
    source: str

    @property
    def origin(self) -> str:
        return f"distribution {self.distribution} {self.version}" if self.distribution else self.source


@dataclass(frozen=True)
class _Loaded:
    manager: pluggy.PluginManager
    augmentations: dict[str, Augmentation]
    laws: tuple[Law, ...]
    spent: dict[str, float]
    contract: int | None


def load_catalog(
    settings: Settings | None = None,
    *,
    modules: Sequence[object] = (),
    installed: bool | Collection[str] = True,
) -> Catalog:
    """Load every plugin and gather what they registered.

    Args:
        settings: Folders and disabled names; by default read from the environment and ``augalg.toml`` here.
        modules: Further plugins as objects (modules, or instances with hook implementations), or as `PluginSource`.
        installed: Whether to load the plugins of installed distributions, or the names of those distributions.

    Returns:
        The catalog. Plugins that failed are in `Catalog.plugins` with their reasons.

    Examples:
        >>> "dihedral.flip_lr" in load_catalog().augmentations
        True
    """
    settings = Settings.read() if settings is None else settings
    candidates = sorted(_installed(), key=lambda item: (item.name, item.distribution)) if installed else []
    if not isinstance(installed, bool):
        candidates = [candidate for candidate in candidates if candidate.distribution in installed]
    infos: list[PluginInfo] = []
    managers: dict[str, pluggy.PluginManager] = {}
    names = {candidate.name for candidate in candidates} if installed is True else None
    known = restoring.sources(settings.registered, settings.workspace, names, managers)
    candidates.extend(_as_candidate(source) for source in known)
    loaded_anyway = {str(Path(source.source).resolve()) for source in known}
    for folder in settings.folders:
        if folder.is_dir() or folder.is_file():
            files = plugin_files(folder)
            candidates.extend(_as_candidate(f) for f in files if str(Path(f.source).resolve()) not in loaded_anyway)
        else:
            infos.append(
                PluginInfo(folder.name, "failed", source=str(folder), reason=f"no such plugin folder: {folder}")
            )
    candidates.extend(_as_candidate(module) for module in modules)
    augmentations: dict[str, Augmentation] = {}
    laws: list[Law] = []
    taken: dict[str, _Candidate] = {}
    for candidate in candidates:
        info = PluginInfo(candidate.name, "loaded", candidate.distribution, candidate.version, candidate.source)
        if candidate.name in settings.disable:
            infos.append(replace(info, status="disabled", reason="disabled by name"))
            continue
        start = time.perf_counter()
        try:
            if candidate.name in taken:
                raise PluginError(  # noqa: TRY301 - a clash is reported like any other failure of this plugin
                    f"the name {candidate.name!r} is taken by {taken[candidate.name].origin}; this one comes from "
                    f"{candidate.origin}; disable or uninstall one of them"
                )
            loaded = _load(candidate)
            _refuse_clashes(loaded, augmentations, candidate, taken)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything; it must harm nobody
            detail = traceback.format_exc()
            spent = time.perf_counter() - start
            infos.append(replace(info, status="failed", reason=_reason(error), detail=detail, seconds=spent))
            continue
        taken[candidate.name] = candidate
        managers[candidate.name] = loaded.manager
        augmentations.update(loaded.augmentations)
        laws.extend(loaded.laws)
        infos.append(
            replace(
                info,
                augmentations=tuple(loaded.augmentations),
                hooks=tuple(name for name in HOOKS if getattr(loaded.manager.hook, name).get_hookimpls()),
                seconds=time.perf_counter() - start,
                spent=loaded.spent,
                contract=loaded.contract,
            )
        )
    laws.extend(restoring.laws(item for item in settings.registered if managers.keys() >= set(item.plugins)))
    violated = {law for item in settings.registered for law in item.violated}
    catalog = Catalog(augmentations, laws, tuple(infos), managers, violated)
    catalog.plugins = restoring.mark_changes(catalog, settings.registered, settings.workspace)
    catalog.trust.by_version = frozenset(
        name for item in settings.registered if item.kind == "transform" for name in item.plugins
    )
    catalog.laws = restoring.recall_checks(catalog, settings.registered)
    named = [plugin.__name__ for plugin in modules if _is_importable(plugin)]
    if len(named) == len(modules):
        catalog.origin = (
            load_again,
            _absolute(settings),
            tuple(named),
            installed if isinstance(installed, bool) else tuple(installed),
        )
    return catalog


def load_again(
    settings: Settings, modules: tuple[str, ...], installed: bool | tuple[str, ...], laws: tuple[Law, ...]
) -> Catalog:
    """Load, once in this process, the catalog that another process had.

    Args:
        settings: Its settings.
        modules: The names of further modules.
        installed: See `load_catalog`.
        laws: Its laws, which have to be the same here, with what it has found out about them.

    Raises:
        PluginError: The plugins say something else here.
    """
    catalog = _loaded_once(settings, modules, installed)
    if [_declared(law) for law in catalog.laws] != [_declared(law) for law in laws]:
        raise PluginError("the plugins of another process have other laws than here; start both with the same files")
    again = copy.copy(catalog)
    again.laws = laws
    return again


def _declared(law: Law) -> Law:
    return replace(law, status="declared")


@functools.lru_cache(maxsize=4)
def _loaded_once(settings: Settings, modules: tuple[str, ...], installed: bool | tuple[str, ...]) -> Catalog:
    return load_catalog(settings, modules=[importlib.import_module(name) for name in modules], installed=installed)


def _is_importable(plugin: object) -> TypeGuard[ModuleType]:
    """Whether another process can import the module of this name."""
    if not isinstance(plugin, ModuleType) or plugin.__spec__ is None:
        return False
    try:
        return importlib.util.find_spec(plugin.__name__) is not None
    except (ImportError, ValueError):
        return False


def _absolute(settings: Settings) -> Settings:
    folders = tuple(folder.absolute() for folder in settings.folders)
    return replace(settings, folders=folders, workspace=settings.workspace.absolute())


def _installed() -> Iterable[_Candidate]:
    for plugin in installed_plugins():
        yield _Candidate(plugin.name, plugin.load, plugin.distribution, plugin.version, plugin.value)


def _as_candidate(plugin: object) -> _Candidate:
    if isinstance(plugin, PluginSource):
        return _Candidate(plugin.name, plugin.load, plugin.distribution, plugin.version, plugin.source)
    name = getattr(plugin, "__name__", type(plugin).__name__).rsplit(".", 1)[-1]
    return _Candidate(name.removeprefix("augalg_"), lambda: plugin, "", "", str(getattr(plugin, "__file__", name)))


def _load(candidate: _Candidate) -> _Loaded:
    spent: dict[str, float] = {}
    with isolate(candidate.name, limit=seconds_allowed()):
        with _timed(spent, "import"):
            plugin = candidate.load()
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(HookSpecs)
        contract = _contract_of(plugin)
        _refuse_unmarked(plugin)
        _refuse_other_arguments(plugin)
        try:
            manager.register(plugin, candidate.name)
            manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise PluginError(_explain(plugin, error)) from error
        recorder = Recorder(candidate.name)
        with _timed(spent, "augalg_register"):
            manager.hook.augalg_register(register=recorder)
        laws = list(recorder.laws)
        with _timed(spent, "augalg_laws"):
            for contributed in manager.hook.augalg_laws():
                laws.extend(replace(law, plugin=candidate.name) for law in as_laws(contributed, candidate.name))
                take(laws, "laws")
    if not any(getattr(manager.hook, name).get_hookimpls() for name in HOOKS):
        raise PluginError(f"implements no hook; mark a function with @augalgebra.hookimpl, named {HOOKS[0]}")
    return _Loaded(manager, recorder.augmentations, tuple(laws), spent, contract)


@contextlib.contextmanager
def _timed(spent: dict[str, float], what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    spent[what] = time.perf_counter() - start


def _contract_of(plugin: object) -> int | None:
    """The contract a plugin states, if it is one that is kept.

    Raises:
        PluginError: It was written for a later contract, or for one that is no longer kept.
    """
    stated = getattr(plugin, CONTRACT_ATTRIBUTE, None)
    if stated is None:
        return None
    if not isinstance(stated, int) or isinstance(stated, bool):
        raise PluginError(f"{CONTRACT_ATTRIBUTE} is a whole number, such as {CONTRACT_VERSION}, not {stated!r}")
    known = f"augalgebra {__version__} keeps contract {CONTRACT_VERSION}"
    if stated > CONTRACT_VERSION:
        raise PluginError(f"it was written for plugin contract {stated}, and {known}; update augalgebra")
    if stated < OLDEST_CONTRACT:
        raise PluginError(f"it was written for plugin contract {stated}, and {known}; update the plugin")
    return stated


def _refuse_other_arguments(plugin: object) -> None:
    """Raise `PluginError` if an implementation takes what its hook does not give, or not what it is there for.

    Arguments after the first may be left out, so that a hook can be given more of them without a new contract.
    """
    for name, member in inspect.getmembers(plugin, inspect.isroutine):
        if name not in HOOKS:
            continue
        wanted = list(inspect.signature(getattr(HookSpecs, name)).parameters)[1:]
        taken = list(inspect.signature(member).parameters)
        if not set(wanted[:1]) <= set(taken) <= set(wanted):
            right = f"def {name}({', '.join(wanted)})"
            raise PluginError(
                f"{name} takes {', '.join(wanted) or 'nothing'}, not {', '.join(taken) or 'nothing'}; write {right}"
            )


def _refuse_unmarked(plugin: object) -> None:
    for name, member in inspect.getmembers(plugin, inspect.isroutine):
        if name.startswith("augalg_") and not hasattr(member, f"{PROJECT}_impl"):
            raise PluginError(f"{name} is not marked; put @augalgebra.hookimpl above it")


def _explain(plugin: object, error: pluggy.PluginValidationError) -> str:
    for name, member in inspect.getmembers(plugin, inspect.isroutine):
        if hasattr(member, f"{PROJECT}_impl") and name not in HOOKS:
            near = nearest(name, HOOKS)
            hint = f"; did you mean {near[0]}?" if near else f"; the hooks are {', '.join(HOOKS)}"
            return f"there is no hook {name}{hint}"
    return " ".join(str(error).split())


def _refuse_clashes(
    loaded: _Loaded,
    existing: dict[str, Augmentation],
    candidate: _Candidate,
    taken: dict[str, _Candidate],
) -> None:
    for name in loaded.augmentations:
        if name in existing:
            holder = existing[name].plugin
            raise PluginError(
                f"{name} is already registered by plugin {holder} ({taken[holder].origin}); "
                f"this one comes from {candidate.origin}"
            )


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return text
    if isinstance(error, SyntaxError):
        return f"SyntaxError in line {error.lineno}: {error.msg}"
    return describe(error)
