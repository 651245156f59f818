"""Admitting something to a workspace: loaded in isolation, looked over, its laws checked, further laws proposed.

Nothing is written before everything is known; `Admission.record` then writes one entry of ``augalg.toml``, or nothing.
"""

import ast
import contextlib
import importlib.metadata
import io
import os
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from augalgebra.algebra.laws import Law, parse_law
from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.words import Symbol, word_of
from augalgebra.catalog import Catalog, LoadedTarget, Registration, Settings, laws_digest, load_catalog, load_target
from augalgebra.catalog import registered as loading
from augalgebra.catalog.lint import Finding, lint
from augalgebra.catalog.registration import WORKSPACE_FILE, Kind, RegisteredAugmentation
from augalgebra.checks import LawReport, check_law, check_laws
from augalgebra.checks.proposals import Proposal, propose
from augalgebra.errors import AugalgebraError, PluginError, UnknownNameError
from augalgebra.testing import Failure, Result, check_plugin

NAMESPACE = "workspace"
"""Namespace of transforms that are registered under a name of their own."""
PROMISES = ("returns", "type", "shape", "range", "mutation", "determinism", "batching")
"""What has to be kept for an augmentation to be one function of the image."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Admission:
    """What was found out about something that is to be registered.

    Attributes:
        registration: The entry for the workspace.
        catalog: Everything the workspace has, and this, with the laws that would be in force.
        findings: What can be said without running it.
        promises: What every augmentation promises, checked.
        laws: Its declared laws, checked on images.
        proposals: Laws that hold but were not declared; those accepted are named in the registration.
        refusals: Why it cannot be registered, one line for each reason; empty if it can.
        notes: What its owner should know besides.
    """

    registration: Registration
    catalog: Catalog
    findings: tuple[Finding, ...]
    promises: tuple[Result, ...]
    laws: LawReport
    proposals: tuple[Proposal, ...]
    refusals: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[Proposal, ...]:
        """The proposals that are accepted."""
        return tuple(item for item in self.proposals if _written(self.catalog, item.law) in self.registration.accepted)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        accepted = self.accepted
        return {
            **self.registration.as_dict(),
            "findings": [item.to_json() for item in self.findings],
            "promises": [item.as_dict() for item in self.promises],
            "laws": self.laws.as_dict(),
            "proposed": [item.as_dict() | {"accepted": item in accepted} for item in self.proposals],
            "refused": list(self.refusals),
            "notes": list(self.notes),
        }

    def record(self, workspace: Path) -> bool:
        """Write the registration into the workspace file.

        Returns:
            Whether the file had to be changed.

        Raises:
            PluginError: It is refused.
            AugalgebraError: The file cannot be read or written; it is as it was.
        """
        from augalgebra.catalog.workspace import record

        if self.refusals:
            raise PluginError(f"{self.registration.target} is refused: {self.refusals[0]}")
        return record(workspace / WORKSPACE_FILE, self.registration)


def examine(
    target: str,
    *,
    workspace: Path | None = None,
    name: str | None = None,
    accept: Sequence[str] = (),
    accept_proposed: bool = False,
    allow_violated: Sequence[str] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> Admission:
    """Find out everything about something that is to be registered; nothing is written.

    Args:
        target: A distribution, module, plugin, Python file or folder; ``albumentations:Solarize(…)``, or a file that
            a plugin such as that can read.
        workspace: The workspace folder; the current one by default.
        name: The name that a transform is to have; by default that of its class, in lower case with underscores.
        accept: Proposed laws to accept.
        accept_proposed: Accept all of them.
        allow_violated: Declared laws, or kinds of them, that may be violated; they are then never used.
        seed: Seed of the images and parameters that laws are tried at.
        progress: Is told what is being done.

    Raises:
        UnknownNameError: There is no such target.
        PluginError: It cannot be loaded, or is not one function of the image; the message says why.
        AugalgebraError: ``augalg.toml`` cannot be read, or a law that is to be accepted or allowed is none.
    """
    workspace = Path.cwd() if workspace is None else workspace
    tell = progress or _silent
    # what a plugin prints must not spoil JSON on standard output
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        tell(f"loading {target}")
        settings = Settings.read(workspace)
        item = _identified(target, settings, name)
        previous = _previous(item, settings)
        others = tuple(other for other in settings.registered if other is not previous)
        catalog = load_catalog(replace(settings, registered=(*others, item)))
        _require_loaded(catalog, item)
        return _examined(item, previous, catalog, workspace, (accept, accept_proposed, allow_violated), seed, tell)


def _examined(
    item: Registration,
    previous: Registration | None,
    catalog: Catalog,
    workspace: Path,
    wanted: tuple[Sequence[str], bool, Sequence[str]],
    seed: int,
    tell: Progress,
) -> Admission:
    accept, accept_proposed, allow_violated = wanted
    findings = lint(catalog, item.plugins)
    if item.kind == "transform":  # nobody could have declared anything about it
        findings = tuple(found for found in findings if found.code != "AUG401")
    refusals = [f"{found.code} {found.subject}: {found.message}" for found in findings if found.severity == "error"]
    tell("trying it on images")
    promises = _promises(catalog, item, seed)
    for result in promises:
        refusals.extend(f"{result.subject}: {_told(failure)}" for failure in result.failures)
    report = LawReport(())
    proposals: tuple[Proposal, ...] = ()
    notes: list[str] = []
    if not any(result.failures for result in promises):
        tell("checking its laws")
        report = check_laws(catalog, item.plugins, seed=seed)
        violated = [result.law for result in report.results if result.verdict == "violated"]
        allowed = _allowed(catalog, violated, allow_violated, previous)
        refusals.extend(
            f"{catalog.display(law)} is violated; mend it, or admit it as violated: "
            f'--allow-violated "{catalog.display(law)}"'
            for law in violated
            if law not in allowed
        )
        item = replace(item, violated=tuple(sorted(str(law) for law in allowed)))
    if not refusals:
        item = replace(item, augmentations=_described(catalog, item))
        catalog = _with_laws(catalog, item)
        names = [known.name for known in item.augmentations]
        proposals = propose(catalog, names, seed=seed, progress=tell)
        kept, dropped = _kept(catalog, proposals, previous, seed)
        notes.extend(f"{law} was accepted before and does not hold any more; it is dropped" for law in dropped)
        chosen = {_written(catalog, law) for law in _accepted(catalog, proposals, accept, everything=accept_proposed)}
        item = replace(item, accepted=tuple(sorted(chosen | kept)))
        catalog = _with_laws(catalog, item)
        item = replace(item, augmentations=_described(catalog, item), version=loading.version_of(item, workspace))
    return Admission(item, catalog, findings, promises, report, proposals, tuple(refusals), tuple(notes))


def _identified(target: str, settings: Settings, name: str | None) -> Registration:
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
    return Registration(own, shown, kind, plugins, info.distribution, info.version)


def _previous(item: Registration, settings: Settings) -> Registration | None:
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
    item = Registration(full.rpartition(".")[2], canonical, "transform")
    for maker in makers if foreign else [prefix]:
        item = replace(item, through=maker)
        made = loading.build(item, settings.workspace, base.managers, full)
        if made is not None:
            described = RegisteredAugmentation(full, made.signature, made.shape, "", made.tolerance, made.summary)
            library = _distribution(maker, base)
            return replace(item, plugins=(item.name,), distribution=library, augmentations=(described,))
    raise PluginError(f"{target}: no plugin can read such a file; those that build transforms: {', '.join(makers)}")


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


def _require_loaded(catalog: Catalog, item: Registration) -> None:
    for info in catalog.plugins:
        if info.name in item.plugins and info.status != "loaded":
            error = PluginError(f"{item.target} cannot be loaded: {info.reason}")
            if info.detail:
                error.add_note(info.detail)
            raise error


def _promises(catalog: Catalog, item: Registration, seed: int) -> tuple[Result, ...]:
    infos = tuple(info for info in catalog.plugins if info.name in item.plugins)
    kind: Any = "installed" if item.kind == "transform" else item.kind
    target = LoadedTarget(item.target, kind, catalog, infos, item.target)
    return check_plugin(target, aspects=PROMISES, seed=seed).results


def _told(failure: Failure) -> str:
    sides = ", ".join(f"{name} {text}" for name, text in failure.sides)
    parts = [f"broken promise: {failure.promise}", f"fails for {failure.case}" + (f": {sides}" if sides else "")]
    return " ".join("; ".join([*parts, *([failure.hint] if failure.hint else [])]).split())


def _with_laws(catalog: Catalog, item: Registration) -> Catalog:
    """The catalog with the accepted laws in force and the violated ones out of use."""
    laws = (*catalog.laws, *(dangling.law for dangling in catalog.dangling), *loading.laws([item]))
    return Catalog(catalog.augmentations, laws, catalog.plugins, catalog.managers, item.violated)


def _described(catalog: Catalog, item: Registration) -> tuple[RegisteredAugmentation, ...]:
    """The augmentations with the digests of their laws as they are now."""
    if item.kind == "transform":
        return tuple(replace(known, laws=laws_digest(catalog, known.name)) for known in item.augmentations)
    own = [known for known in catalog.augmentations.values() if known.plugin in item.plugins]
    return tuple(
        RegisteredAugmentation(known.name, known.signature, known.shape, laws_digest(catalog, known.name))
        for known in sorted(own, key=lambda known: known.name)
    )


def _allowed(
    catalog: Catalog, violated: Sequence[Law], wanted: Iterable[str], previous: Registration | None
) -> set[Law]:
    """The violated laws that are asked for by equation or kind, or were admitted as violated before."""
    allowed = {law for law in violated if previous is not None and str(law) in previous.violated}
    for text in wanted:
        found = {law for law in violated if text == law.kind or _is_equation(catalog, text, law)}
        if not found:
            known = "; ".join(catalog.display(law) for law in violated) or "none"
            raise AugalgebraError(f"--allow-violated {text!r} names no violated law (violated: {known})")
        allowed |= found
    return allowed


def _accepted(
    catalog: Catalog, proposals: Sequence[Proposal], wanted: Iterable[str], *, everything: bool
) -> Iterable[Law]:
    chosen = [item.law for item in proposals] if everything else []
    for text in wanted:
        found = [item.law for item in proposals if _is_equation(catalog, text, item.law)]
        if not found:
            known = "; ".join(item.equation for item in proposals) or "none"
            raise AugalgebraError(f"--accept {text!r} is no proposed law (proposed: {known})")
        chosen.extend(found)
    return chosen


def _is_equation(catalog: Catalog, text: str, law: Law) -> bool:
    """Whether a text is a law, as it is shown or in other words for the same names."""
    if text in (str(law), catalog.display(law)):
        return True
    try:
        read = catalog.law(replace(parse_law(text), owner=law.owner))
    except AugalgebraError:
        return False
    return {read.lhs, read.rhs} == {law.lhs, law.rhs} and read.is_equation == law.is_equation


def _kept(
    catalog: Catalog, proposals: Sequence[Proposal], previous: Registration | None, seed: int
) -> tuple[set[str], list[str]]:
    """The laws accepted when this was registered before that still hold, and those that do not."""
    proposed = {_written(catalog, item.law) for item in proposals}
    kept: set[str] = set()
    dropped: list[str] = []
    for text in previous.accepted if previous else ():
        try:
            holds = text in proposed or check_law(catalog, parse_law(text), seed=seed).verdict == "holds"
        except AugalgebraError:  # it speaks of something that is not there any more
            holds = False
        if holds:
            kept.add(text)
        else:
            dropped.append(text)
    return kept, dropped


def _written(catalog: Catalog, law: Law) -> str:
    """A law in full names, families that it speaks of as a whole without their parameters."""

    def bare(symbol: Symbol) -> Symbol:
        every = catalog.resolve(symbol.name).bind(Symbol(symbol.name), universal=True)
        return Symbol(symbol.name) if symbol == every else symbol

    text = str(replace(law, lhs=law.lhs.map(bare), rhs=law.rhs.map(bare)))
    read = catalog.law(parse_law(text))
    return text if (read.lhs, read.rhs) == (law.lhs, law.rhs) else str(law)


def _silent(_: str) -> None:
    """Tell nobody."""
