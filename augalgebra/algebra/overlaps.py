"""Critical pairs: the two results of rewriting a word where the left sides of two rules overlap."""

from collections.abc import Iterator

from augalgebra.algebra.alphabet import Codes
from augalgebra.algebra.expressions import add, as_variable, substitute, variable
from augalgebra.algebra.rules import Equation, Link, Rule, RuleSet
from augalgebra.algebra.unification import (
    Bindings,
    Undecided,
    agree,
    carry_nonzero,
    unify,
)


def critical_pairs(rules: RuleSet, first: Rule, second: Rule) -> Iterator[Equation | None]:
    """The critical pairs in which `first` begins, and `second` ends or lies inside it.

    Left sides without variables never lie inside one another, because rules are kept reduced.

    Yields:
        Equations; None stands for an overlap whose arguments could not be unified for certain.
    """
    start = second.shapes[0]
    if start not in first.shapes:
        return
    ground = not (first.variables or second.variables)
    length = len(first.lhs)
    for place in range(length):
        shared = min(length - place, len(second.lhs))
        if first.shapes[place] != start or first.shapes[place : place + shared] != second.shapes[:shared]:
            continue
        if ground:
            if place and shared < len(second.lhs) and first.lhs[place:] == second.lhs[:shared]:
                pair = first.rhs + second.lhs[shared:], first.lhs[:place] + second.rhs
                yield Equation(*pair, (Link(first.lemma, False, 0, {}), Link(second.lemma, True, place, {})))
        elif first is not second or (place and shared < len(second.lhs)):
            if not place and shared == length < len(second.lhs):
                continue  # `first` lies inside `second`: found with the two exchanged
            try:
                yield from _unified(rules, first, second, place, shared)
            except (Undecided, ZeroDivisionError, ValueError, TypeError):
                yield None


def _unified(rules: RuleSet, first: Rule, second: Rule, place: int, shared: int) -> Iterator[Equation]:
    alphabet = rules.alphabet
    lhs, rhs, own = first.renamed("!")
    other_lhs, other_rhs, theirs = second.renamed("~")
    part = lhs[place : place + shared]
    left = [item for code in part for item in alphabet.arguments[code]]
    right = [item for code in other_lhs[:shared] for item in alphabet.arguments[code]]
    unifier = unify(left, right, rules.periods(part))
    if unifier is None:
        return
    bound = unifier.bindings
    mine: Bindings = {name: substitute(item, bound) for name, item in own.items()}
    yours: Bindings = {name: substitute(item, bound) for name, item in theirs.items()}
    nonzero = carry_nonzero(first.lemma.nonzero, mine)
    further = carry_nonzero(second.lemma.nonzero, yours)
    if nonzero is None or further is None:
        return

    def instance(codes: Codes) -> Codes:
        return alphabet.instantiate(codes, bound)

    before, inside, after = lhs[:place], lhs[place + shared :], other_lhs[shared:]
    yield Equation(
        instance(rhs + after),
        instance(before + other_rhs + inside),
        (Link(first.lemma, False, 0, mine), Link(second.lemma, True, place, yours)),
        nonzero | further | unifier.nonzero,
    )


def shifted_pairs(rules: RuleSet, rule: Rule) -> Iterator[Equation | None]:
    """What a rule says when one of its variables moves by the period of the argument in which it stands.

    Yields:
        Equations between the right side and the moved right side; None where the variable also stands
        elsewhere, so that a rule would be needed for every multiple of the period.
    """
    alphabet = rules.alphabet
    for code in rule.lhs:
        for place, argument in enumerate(alphabet.arguments[code]):
            period = rules.period(alphabet.shapes[code], place)
            name = as_variable(argument)
            if period is None or name is None:
                continue
            moved = {other: variable(other) for other in rule.variables} | {name: add(variable(name), period)}
            periods = rules.periods(rule.lhs)
            try:
                values = [substitute(item, moved) for item in rule.patterns]
                if name in rule.lemma.nonzero or not all(map(agree, rule.patterns, values, periods)):
                    yield None
                    continue
                identity = {other: variable(other) for other in rule.variables}
                chain = (Link(rule.lemma, False, 0, identity), Link(rule.lemma, True, 0, moved))
                yield Equation(rule.rhs, alphabet.instantiate(rule.rhs, moved), chain, rule.lemma.nonzero)
            except (ZeroDivisionError, ValueError, TypeError):
                yield None
