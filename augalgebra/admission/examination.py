"""Everything that is found out about something before it is registered.

Nothing is written before everything is known; `Admission.record` then writes one entry of ``augalg.toml``, or nothing.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from augalgebra.admission.laws import accepted_laws, allowed_laws, kept_laws, with_laws, write_law
from augalgebra.admission.targets import previous_of, registration_of
from augalgebra.algebra.laws import Law
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.catalog import Catalog, Judgement, LoadedTarget, Registration, Settings, laws_digest, load_catalog
from augalgebra.catalog import restoring as loading
from augalgebra.catalog.lint.linter import Finding, lint
from augalgebra.catalog.registration import WORKSPACE_FILE, RegisteredAugmentation
from augalgebra.checks import LawReport, check_laws
from augalgebra.checks.proposals import Proposal, propose
from augalgebra.errors import PluginError
from augalgebra.plain import PlainData
from augalgebra.testing import Failure, Report, Result, check_plugin

PROMISES = ("returns", "type", "shape", "range", "mutation", "determinism", "random-state", "batching")
"""What has to be kept for an augmentation to be one function of the image."""

_PARTS = 3
"""What is told of, before further laws are looked for."""


@dataclass(frozen=True)
class Admission(PlainData):
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
    in_json = "findings", "promises", "laws", "proposed", "refusals as refused", "notes"

    @property
    def accepted(self) -> tuple[Proposal, ...]:
        """The proposals that are accepted."""
        return tuple(item for item in self.proposals if write_law(self.catalog, item.law) in self.registration.accepted)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return self.registration.to_dict() | super().to_dict()

    @property
    def proposed(self) -> list[dict[str, Any]]:
        """What was proposed, as plain data, and what of it was accepted."""
        return [item.to_dict() | {"accepted": item in self.accepted} for item in self.proposals]

    def record(self, workspace: Path) -> bool:
        """Write the registration into the workspace file, and into the user's cache that its laws hold.

        Returns:
            Whether the file had to be changed.

        Raises:
            PluginError: It is refused.
            AugalgebraError: The file cannot be read or written; it is as it was.
        """
        from augalgebra.catalog.workspace_file import record

        if self.refusals:
            raise PluginError(f"{self.registration.target} is refused: {self.refusals[0]}")
        changed = record(workspace / WORKSPACE_FILE, self.registration)
        for law in self._laws_that_hold():
            self.catalog.trust.remember(law, Judgement("holds"))
        return changed

    def _laws_that_hold(self) -> Iterator[Law]:
        item = self.registration
        found = {str(result.law) for result in self.laws.results if result.verdict == "holds"}
        found |= {str(self.catalog.law(law)) for law in loading.laws([item])}
        return (law for law in self.catalog.laws if law.plugin in item.plugins and str(law) in found)


def examine(
    target: str,
    *,
    workspace: Path | None = None,
    name: str | None = None,
    accept: Sequence[str] = (),
    accept_proposed: bool = False,
    allow_violated: Sequence[str] = (),
    seed: int = 0,
    progress: CaseProgress = unseen,
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
        progress: Called before each part.

    Raises:
        UnknownNameError: There is no such target.
        PluginError: It cannot be loaded, or is not one function of the image; the message says why.
        AugalgebraError: ``augalg.toml`` cannot be read, or a law that is to be accepted or allowed is none.
    """
    workspace = Path.cwd() if workspace is None else workspace
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        progress(0, _PARTS, f"loading {target}")
        settings = Settings.read(workspace)
        item = registration_of(target, settings, name)
        previous = previous_of(item, settings)
        others = tuple(other for other in settings.registered if other is not previous)
        catalog = load_catalog(replace(settings, registered=(*others, item)))
        _require_loaded(catalog, item)
        return _examined(item, previous, catalog, workspace, (accept, accept_proposed, allow_violated), seed, progress)


def _examined(
    item: Registration,
    previous: Registration | None,
    catalog: Catalog,
    workspace: Path,
    wanted: tuple[Sequence[str], bool, Sequence[str]],
    seed: int,
    progress: CaseProgress,
) -> Admission:
    accept, accept_proposed, allow_violated = wanted
    findings = lint(catalog, item.plugins)
    if item.kind == "transform":  # nobody could have declared anything about it
        findings = tuple(found for found in findings if found.code != "AUG401")
    refusals = [f"{found.code} {found.subject}: {found.message}" for found in findings if found.severity == "error"]
    progress(1, _PARTS, "trying it on images")
    promises = _promises(catalog, item, seed)
    for result in promises.results:
        refusals.extend(f"{result.subject}: {_told(failure)}" for failure in result.failures)
    report = LawReport(())
    proposals: tuple[Proposal, ...] = ()
    notes = list(_untried(promises, item))
    if not promises.count("failed"):
        progress(2, _PARTS, "checking its laws")
        report = check_laws(catalog, item.plugins, seed=seed)
        violated = [result.law for result in report.results if result.verdict == "violated"]
        allowed = allowed_laws(catalog, violated, allow_violated, previous)
        refusals.extend(
            f"{catalog.display(law)} is violated; mend it, or admit it as violated: "
            f'--allow-violated "{catalog.display(law)}"'
            for law in violated
            if law not in allowed
        )
        refusals.extend(
            f"{result.equation} could not be checked: {result.reason}" for result in report.results if result.failed
        )
        item = replace(item, violated=tuple(sorted(str(law) for law in allowed)))
    if not refusals:
        item = replace(item, augmentations=_described(catalog, item))
        catalog = with_laws(catalog, item)
        names = [known.name for known in item.augmentations]
        proposals = propose(catalog, names, seed=seed, progress=progress)
        kept, dropped = kept_laws(catalog, proposals, previous, seed)
        notes.extend(f"{law} was accepted before and does not hold any more; it is dropped" for law in dropped)
        wanted_laws = accepted_laws(catalog, proposals, accept, everything=accept_proposed)
        chosen = {write_law(catalog, law) for law in wanted_laws}
        item = replace(item, accepted=tuple(sorted(chosen | kept)))
        catalog = with_laws(catalog, item)
        item = replace(item, augmentations=_described(catalog, item), version=loading.version_of(item, workspace))
    return Admission(item, catalog, findings, promises.results, report, proposals, tuple(refusals), tuple(notes))


def _require_loaded(catalog: Catalog, item: Registration) -> None:
    for info in catalog.plugins:
        if info.name in item.plugins and info.status != "loaded":
            error = PluginError(f"{item.target} cannot be loaded: {info.reason}")
            if info.detail:
                error.add_note(info.detail)
            raise error


def _promises(catalog: Catalog, item: Registration, seed: int) -> Report:
    infos = tuple(info for info in catalog.plugins if info.name in item.plugins)
    kind: Any = "installed" if item.kind == "transform" else item.kind
    target = LoadedTarget(item.target, kind, catalog, infos, item.target)
    return check_plugin(target, aspects=PROMISES, seed=seed)


def _untried(promises: Report, item: Registration) -> Iterator[str]:
    """One line for each augmentation that was never run; it is no refusal, since no word can be given here."""
    for subject, reason in promises.untried.items():
        told = f"{subject} was never run, so none of its promises is known"
        yield f"{told}: {reason}, to 'augalg plugins check {item.target}'"


def _told(failure: Failure) -> str:
    sides = ", ".join(f"{name} {text}" for name, text in failure.sides)
    parts = [f"broken promise: {failure.promise}", f"fails for {failure.case}" + (f": {sides}" if sides else "")]
    return " ".join("; ".join([*parts, *([failure.hint] if failure.hint else [])]).split())


def _described(catalog: Catalog, item: Registration) -> tuple[RegisteredAugmentation, ...]:
    """The augmentations with the digests of their laws as they are now."""
    if item.kind == "transform":
        return tuple(replace(known, laws=laws_digest(catalog, known.name)) for known in item.augmentations)
    own = [known for known in catalog.augmentations.values() if known.plugin in item.plugins]
    return tuple(
        RegisteredAugmentation(known.name, known.signature, known.shape, laws_digest(catalog, known.name))
        for known in sorted(own, key=lambda known: known.name)
    )
