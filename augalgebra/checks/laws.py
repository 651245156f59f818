"""Declared laws, checked on images."""

from collections.abc import Iterable, Sequence

import torch

from augalgebra.algebra.laws import Law
from augalgebra.catalog import Catalog, Judgement
from augalgebra.checks.instances import DRAWS
from augalgebra.checks.law_checker import LawChecker
from augalgebra.checks.probes import (
    Probe,
    ProbeFailure,
    contributed_probes,
    make_probes,
    numbers_in,
    probe_sizes,
    suited_probes,
)
from augalgebra.checks.results import LawReport, LawResult
from augalgebra.errors import UnknownNameError


def check_law(
    catalog: Catalog,
    law: Law,
    probes: Sequence[Probe] | None = None,
    *,
    size: int = 28,
    channels: int = 1,
    draws: int = DRAWS,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    alternatives: bool = True,
) -> LawResult:
    """Check one law on images.

    Args:
        catalog: Where the augmentations are.
        law: The law, its names as declared or resolved.
        probes: Images to check on; the built-in ones by default.
        size: Height and width of the built-in probes; a rectangle and another square of about that size are tried too.
        channels: Channels of the built-in probes.
        draws: At how many parameter values a law with variables is tried.
        seed: Seed of probes and parameter values.
        dtype: Floating-point type of the built-in probes.
        alternatives: Whether to look for what holds instead of a violated law.

    Raises:
        AugalgebraError: A name or parameter in the law cannot be resolved.
    """
    law = catalog.law(law)
    if probes is None:
        words = law.lhs, law.rhs
        suited = suited_probes(catalog, words, dtype=dtype)
        if suited is None:
            probes = make_probes(channels, size, numbers=numbers_in(words), seed=seed, dtype=dtype)
        else:
            probes = suited[0]
    return LawChecker(catalog, probes, draws=draws, seed=seed, alternatives=alternatives).check(law)


def check_laws(
    catalog: Catalog,
    names: Iterable[str] | None = None,
    *,
    probes: Sequence[Probe] | None = None,
    size: int = 28,
    channels: int | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    alternatives: bool = True,
) -> LawReport:
    """Check many laws on images.

    Args:
        catalog: Where the augmentations and their laws are.
        names: Augmentations and plugins whose laws are checked; all by default.
        probes: Images to check on; by default the built-in ones and those that plugins contribute, or where an
            augmentation is made for certain pictures, those alone.
        size: Height and width of the probes; a rectangle and another square of about that size are tried too.
        channels: Channels of the built-in probes; by default 1, and 3 for laws that say nothing about grey images.
        draws: At how many parameter values a law with variables is tried.
        seed: Seed of probes and parameter values.
        dtype: Floating-point type of the built-in probes.
        alternatives: Whether to look for what holds instead of a violated law.

    Raises:
        UnknownNameError: There is no such augmentation or plugin.
    """
    laws, unresolved = _select(catalog, names)
    numbers = numbers_in(word for law in laws for word in (law.lhs, law.rhs))
    failures: list[ProbeFailure] = []
    checkers: list[LawChecker] = []
    for number in (1, 3) if channels is None else (channels,):
        chosen = probes
        if chosen is None:
            chosen = make_probes(number, size, numbers=numbers, seed=seed, dtype=dtype)
            for height, width in probe_sizes(size, numbers):
                more, failed = contributed_probes(catalog, number, height, width, dtype=dtype)
                failures.extend(failed)
                chosen = (*chosen, *more)
        checkers.append(LawChecker(catalog, chosen, draws=draws, seed=seed, alternatives=alternatives))
        if probes is not None:
            break
    results = []
    own: dict[frozenset[tuple[str, ...]], LawChecker] = {}
    for law in laws:
        kinds = frozenset(catalog.resolve(symbol.name).probes for symbol in law.symbols) - {()}
        if kinds and probes is None:
            if kinds not in own:
                suited, failed = suited_probes(catalog, (law.lhs, law.rhs), dtype=dtype) or ((), ())
                failures.extend(failed)
                own[kinds] = LawChecker(catalog, suited, draws=draws, seed=seed, alternatives=alternatives)
            results.append(own[kinds].check(law))
            continue
        result = checkers[0].check(law)
        # a difference that grey images do not show may well show on coloured ones
        doubtful = law.kind == "unequal" and result.verdict == "violated"
        if (doubtful or result.verdict in ("vacuous", "not checked")) and len(checkers) > 1:
            second = checkers[1].check(law)
            result = second if second.verdict in ("holds", "violated") else result
        results.append(result)
    distinct = {(failure.plugin, failure.name): failure for failure in reversed(failures)}
    return LawReport((*results, *unresolved), tuple(reversed(distinct.values())))


def judge_law(catalog: Catalog, law: Law) -> Judgement:
    """Check a law that speaks of other plugins' augmentations, for a catalog that wants to know whether to use it.

    Args:
        catalog: Where the augmentations are.
        law: The law, its names resolved.
    """
    found = check_law(catalog, law, alternatives=False)
    if found.verdict in ("vacuous", "not checked"):
        found = check_law(catalog, law, channels=3, alternatives=False)
    return Judgement(found.verdict, str(found.counterexample or found.reason))


def _select(catalog: Catalog, names: Iterable[str] | None) -> tuple[tuple[Law, ...], tuple[LawResult, ...]]:
    """The laws of these augmentations and plugins, and the verdicts on those that could not be resolved."""
    owners: set[str] | None = None
    laws = catalog.laws
    if names is not None:
        owners, chosen = set(), dict[Law, None]()
        for name in names:
            if name in catalog.managers:
                own = {a.name for a in catalog.augmentations.values() if a.plugin == name} | {name}
            else:
                own = {_resolved(catalog, name)}
            owners |= own
            chosen.update((law, None) for full in own - {name} | own for law in _laws_of(catalog, full))
        laws = tuple(law for law in catalog.laws if law in chosen)
    unresolved = tuple(
        LawResult(item.law, str(item.law), "not checked", item.reason)
        for item in catalog.dangling
        if owners is None or item.law.owner in owners
    )
    return laws, unresolved


def _resolved(catalog: Catalog, name: str) -> str:
    try:
        return catalog.resolve(name).name
    except UnknownNameError:
        known = [*catalog.augmentations, *catalog.managers]
        raise UnknownNameError("augmentation or plugin", name, known, "('augalg list' shows all)") from None


def _laws_of(catalog: Catalog, owner: str) -> tuple[Law, ...]:
    if owner in catalog.augmentations:
        return catalog.laws_of(owner)
    return tuple(law for law in catalog.laws if law.owner == owner)
