"""Which laws of a registration are in force: accepted, admitted as violated, or kept from the time before."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from augalgebra.algebra.laws import Law, parse_law
from augalgebra.algebra.words import Symbol
from augalgebra.catalog import Catalog, Registration
from augalgebra.catalog import restoring as loading
from augalgebra.checks import check_law
from augalgebra.checks.proposals import Proposal
from augalgebra.errors import AugalgebraError


def with_laws(catalog: Catalog, item: Registration) -> Catalog:
    """The catalog with what was checked and accepted in force and what is violated out of use."""
    known = (
        replace(law, status="checked")
        if law.plugin in item.plugins and law.status in ("declared", "unchecked")
        else law
        for law in catalog.laws
    )
    accepted = (replace(law, status="checked") for law in loading.laws([item]))
    laws = (*known, *(dangling.law for dangling in catalog.dangling), *accepted)
    made = Catalog(catalog.augmentations, laws, catalog.plugins, catalog.managers, item.violated)
    made.trust.by_version = catalog.trust.by_version
    return made


def allowed_laws(
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


def accepted_laws(
    catalog: Catalog, proposals: Sequence[Proposal], wanted: Iterable[str], *, everything: bool
) -> Sequence[Law]:
    """The proposed laws that are asked for, by equation, or all of them."""
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


def kept_laws(
    catalog: Catalog, proposals: Sequence[Proposal], previous: Registration | None, seed: int
) -> tuple[set[str], list[str]]:
    """The laws accepted when this was registered before that still hold, and those that do not."""
    proposed = {write_law(catalog, item.law) for item in proposals}
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


def write_law(catalog: Catalog, law: Law) -> str:
    """A law in full names, families that it speaks of as a whole without their parameters."""

    def bare(symbol: Symbol) -> Symbol:
        every = catalog.resolve(symbol.name).bind(Symbol(symbol.name), universal=True)
        return Symbol(symbol.name) if symbol == every else symbol

    text = str(replace(law, lhs=law.lhs.map(bare), rhs=law.rhs.map(bare)))
    read = catalog.law(parse_law(text))
    return text if (read.lhs, read.rhs) == (law.lhs, law.rhs) else str(law)
