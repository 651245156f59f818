"""Critical pairs: the two results of rewriting a word where the left sides of two rules overlap."""

from collections.abc import Iterator
from itertools import combinations, permutations

from augalgebra.algebra.conditions import Conditions
from augalgebra.algebra.expressions import add, as_variable, substitute, variable
from augalgebra.algebra.rewriting.alphabet import Codes
from augalgebra.algebra.rewriting.equations import Equation, Rule, Step, nonzero_of
from augalgebra.algebra.rewriting.rule_set import RuleSet
from augalgebra.algebra.rewriting.unorientable import PeriodRelation
from augalgebra.algebra.unification import (
    Bindings,
    Undecided,
    agree,
    carry_nonzero,
    unify,
)

MAX_SORTED = 4
"""Letters of self-commuting families whose every order is tried when an equation is tested."""


def overlaps(first: Rule, second: Rule) -> Iterator[tuple[int, int]]:
    """The ways in which `first` begins a word, and `second` ends or lies inside it, sharing letters.

    Left sides without variables never lie inside one another, because rules are kept reduced.

    Yields:
        The place at which `second` begins, and how many letters are shared.
    """
    start, whole, size = second.marks[0], first.marks, len(second.lhs)
    ground = not (first.variables or second.variables)
    if ground and first.conditions == second.conditions:
        place = max(0, len(whole) - size)
        while (place := whole.find(start, place + 1)) >= 0:
            shared = len(whole) - place
            if first.lhs[place:] == second.lhs[:shared]:
                yield place, shared
        return
    place = -1
    while (place := whole.find(start, place + 1)) >= 0:
        shared = min(len(whole) - place, size)
        if not second.marks.startswith(whole[place : place + shared]):
            continue
        proper = place and shared < size
        if ground:
            # unlike conditions let left sides lie inside one another
            if (proper or shared == size) and first.lhs[place : place + shared] == second.lhs[:shared]:
                yield place, shared
        elif proper or (first is not second and (place or shared == size)):
            yield place, shared  # else `first` lies inside `second`, which is found with the two exchanged


def critical_pair(rules: RuleSet, first: Rule, second: Rule, place: int, shared: int) -> Equation | None:
    """The equation between the two results of rewriting an overlap, or None if there is no such word.

    Raises:
        Undecided: The arguments could not be unified for certain.
    """
    if not (first.variables or second.variables):
        if not rules.alphabet.keeps(first.lhs[:place], second.conditions):
            return None
        results = first.rhs + second.lhs[shared:], first.lhs[:place] + second.rhs + first.lhs[place + shared :]
        return Equation(*results, (Step(first.equation, False, 0, {}), Step(second.equation, True, place, {})))
    try:
        return _unified(rules, first, second, place, shared)
    except (ZeroDivisionError, ValueError, TypeError):
        raise Undecided from None


def _unified(rules: RuleSet, first: Rule, second: Rule, place: int, shared: int) -> Equation | None:
    alphabet = rules.alphabet
    lhs, rhs, own = first.rename("!")
    other_lhs, other_rhs, theirs = second.rename("~")
    part = lhs[place : place + shared]
    left = [item for code in part for item in alphabet.arguments[code]]
    right = [item for code in other_lhs[:shared] for item in alphabet.arguments[code]]
    unifier = unify(left, right, rules.periods.of(part, other_lhs[:shared]))
    if unifier is None:
        return None
    bound = unifier.bindings
    mine: Bindings = {name: substitute(item, bound) for name, item in own.items()}
    yours: Bindings = {name: substitute(item, bound) for name, item in theirs.items()}
    nonzero = carry_nonzero(first.equation.nonzero, mine)
    further = carry_nonzero(second.equation.nonzero, yours)
    if nonzero is None or further is None:
        return None

    def instance(codes: Codes) -> Codes:
        return alphabet.instantiate(codes, bound)

    if second.conditions and not alphabet.keeps(instance(lhs[:place]), second.conditions):
        if alphabet.may_keep(instance(lhs[:place]), second.conditions):
            raise Undecided
        return None
    before, inside, after = lhs[:place], lhs[place + shared :], other_lhs[shared:]
    between = rules.periods.steps(instance(part), instance(other_lhs[:shared]), place)
    if between is None:
        raise Undecided
    return Equation(
        instance(rhs + after),
        instance(before + other_rhs + inside),
        (Step(first.equation, False, 0, mine), *between, Step(second.equation, True, place, yours)),
        nonzero | further | unifier.nonzero,
    )


def period_pairs(rules: RuleSet, rule: Rule) -> Iterator[Equation | None]:
    """What a rule says when an argument of one of its letters moves by its period.

    Where the period depends on another argument (``f(a, 0) = f(a + c, 0)``), the rule is first specialised to it.

    Yields:
        Equations between specialised sides, or between a right side and the moved right side; None where the variable
        also stands elsewhere, so that a rule would be needed for every multiple of the period.
    """
    alphabet = rules.alphabet
    for relation in rules.periods.relations:
        for spot, shape in enumerate(rule.shapes):
            if shape != relation.shape:
                continue
            arguments = alphabet.arguments[rule.lhs[spot]]
            places = sorted(relation.fixed)
            try:
                unifier = unify(
                    [arguments[place] for place in places],
                    [relation.fixed[place] for place in places],
                    [None] * len(places),
                )
                if unifier is not None:
                    yield from _period_pairs(rules, rule, spot, relation, unifier.bindings)
            except (Undecided, ZeroDivisionError, ValueError, TypeError):
                yield None


def _period_pairs(
    rules: RuleSet, rule: Rule, spot: int, relation: PeriodRelation, special: Bindings
) -> Iterator[Equation | None]:
    alphabet = rules.alphabet
    own: Bindings = {name: substitute(variable(name), special) for name in rule.variables}
    nonzero = carry_nonzero(rule.equation.nonzero, own)
    if nonzero is None:
        return
    lhs, rhs = alphabet.instantiate(rule.lhs, own), alphabet.instantiate(rule.rhs, own)
    if special:
        yield Equation(lhs, rhs, (Step(rule.equation, True, 0, own),), nonzero)
    name = as_variable(alphabet.arguments[lhs[spot]][relation.place])
    if name is None:
        return
    step: Bindings = {name: add(variable(name), relation.amount)}
    moved: Bindings = {other: substitute(item, step) for other, item in own.items()}
    patterns = [item for code in lhs for item in alphabet.arguments[code]]
    values = [substitute(item, step) for item in patterns]
    if name in nonzero or not all(map(agree, patterns, values, rules.periods.of(lhs))):
        yield None
        return
    between = rules.periods.steps(lhs, alphabet.instantiate(rule.lhs, moved), 0)
    if between is None:
        yield None
        return
    derivation = (Step(rule.equation, False, 0, own), *between, Step(rule.equation, True, 0, moved))
    yield Equation(rhs, alphabet.instantiate(rule.rhs, moved), derivation, nonzero)


def joins_when_sorted(rules: RuleSet, equation: Equation, within: Conditions) -> bool:
    """Whether the sides of an equation meet once neighbours of self-commuting families are sorted, whatever the values.

    Every order of the letters is tried, and every case in which two of them are equal.
    """
    shapes, sides = rules.alphabet.shapes, (equation.lhs, equation.rhs)
    letters = list(dict.fromkeys(code for side in sides for code in side if shapes[code] in rules.commutations))
    if not 1 < len(letters) <= MAX_SORTED:
        return False
    for order in permutations(range(len(letters))):
        ranking = dict(zip(letters, order, strict=True)).get
        trace: list[Step] = []
        left, right = (rules.reduce(side, trace, ranking, within) for side in sides)
        if left != right:
            return False
        try:
            if not nonzero_of(trace) <= equation.nonzero:
                return False
        except (Undecided, ZeroDivisionError):
            return False
    return all(
        _joins_where_equal(rules, equation, within, first, second)
        for first, second in combinations(letters, 2)
        if shapes[first] == shapes[second]
    )


def _joins_where_equal(rules: RuleSet, equation: Equation, within: Conditions, first: int, second: int) -> bool:
    alphabet = rules.alphabet
    try:
        unifier = unify(alphabet.arguments[first], alphabet.arguments[second], rules.periods.of((first,), (second,)))
        carried = None if unifier is None else carry_nonzero(equation.nonzero, unifier.bindings)
        if unifier is None or carried is None:
            return True
        left, right = (
            rules.reduce(alphabet.instantiate(side, unifier.bindings), within=within)
            for side in (equation.lhs, equation.rhs)
        )
    except (Undecided, ZeroDivisionError, ValueError, TypeError):
        return False
    special = Equation(left, right, equation.derivation, carried | unifier.nonzero)
    return left == right or joins_when_sorted(rules, special, within)
