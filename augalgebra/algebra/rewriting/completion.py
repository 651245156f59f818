"""Knuth-Bendix completion of presentations, parametrised laws included.

The classical procedure for string rewriting (Sims, *Computation with finitely presented groups*, 1994, chapter 2)
with additions: the letters of families carry arguments, so that overlaps are found by unification; ``f(a) = f(a +
c)`` makes a parameter periodic and ``f(a) * f(b) = f(b) * f(a)`` sorts neighbours, instead of becoming rules; and
letters that are found to be invertible get a formal inverse. Every rule keeps the derivation that proves it.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from augalgebra.algebra.conditions import ALWAYS, PHRASES
from augalgebra.algebra.expressions import variable
from augalgebra.algebra.laws import Law, Scope
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.alphabet import Alphabet, Codes
from augalgebra.algebra.rewriting.equations import Equation, Step
from augalgebra.algebra.rewriting.invertibility import Inverses
from augalgebra.algebra.rewriting.knuth_bendix import Completion, Limits, Order
from augalgebra.algebra.rewriting.rule_set import RuleSet
from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.specialisation import special_cases
from augalgebra.algebra.unification import denominators

SCOPES: tuple[Scope, ...] = ("exact", "approximate")
FIRST = Limits(rules=150, length=8, steps=4_000)
"""Limits at which completion by length is put off until completion by layers has been tried (as many steps)."""


def complete(
    presentation: Presentation, *, max_rules: int = 400, max_length: int = 24, max_steps: int = 8_000
) -> RewritingSystem:
    """Turn a presentation into rewriting rules by which normal forms can be computed.

    Words are ordered by length and then letter by letter (shortlex). Where that leads to endlessly many rules, words
    are ordered by layers as well: first by what is not an invertible plain letter, and then by the words between,
    beginning from either end (Sims' wreath product). With those rules equality is decided, and the others only
    shorten the result.

    The laws that hold exactly and for every picture are completed first, so that what follows from them is never blamed
    on others. What follows from some of the others is completed when it is asked for (`RewritingSystem.layers`).

    Args:
        presentation: The generators and laws.
        max_rules: Stop when there are more rules.
        max_length: Set equations with a longer side aside (longer laws raise the bound).
        max_steps: Stop after this many equations; those with variables or long words count several times.

    Returns:
        The rules. They are sound in any case; `RewritingSystem.completed` says whether normal forms decide equality.

    Examples:
        >>> from augalgebra.algebra.laws import parse_law
        >>> from augalgebra.algebra.parsing import parse_word
        >>> laws = [parse_law("s * s = id"), parse_law("r^4 = id"), parse_law("s * r * s = r^-1")]
        >>> str(complete(Presentation.of(laws)).normal_form(parse_word("r^2 * s * r")))
        'r * s'
    """
    alphabet = Alphabet(late=presentation.defined, preferred=presentation.preferred, keeping=presentation.keeping)
    statements = [_statement(alphabet, law, presentation) for law in presentation.equations]
    longest = max((len(side) for law in presentation.equations for side in (law.lhs, law.rhs)), default=0)
    limits = Limits(max_rules, max(max_length, longest), max_steps)
    run = Completion(RuleSet(alphabet), Inverses(alphabet), alphabet.precedence, limits, balances=True)
    least = presentation.exact_only()
    exact = _stating(statements, least)
    system = _completed(least, run, limits, exact, [], None)
    if len(exact) == len(statements):
        return system

    def narrowed(some: Presentation) -> RewritingSystem:
        return _completed(some, run.fork(), limits, _stating(statements, some), exact, system)

    whole = narrowed(presentation)
    whole.middle = tuple(partial(narrowed, some) for some in _between(presentation))
    return whole


def _between(presentation: Presentation) -> list[Presentation]:
    """The presentation with fewer conditions or exact laws only, the stronger ones first; neither end is among them."""
    taken = {presentation.equations, presentation.exact_only().equations}
    found: list[Presentation] = []
    for conditions in (ALWAYS, *PHRASES):
        for scope in SCOPES:
            some = presentation.limited_to(scope, conditions)
            if some.equations not in taken:
                taken.add(some.equations)
                found.append(some)
    return found


def _stating(statements: Sequence["_Statement"], presentation: Presentation) -> list["_Statement"]:
    wanted = set(map(id, presentation.equations))  # presentations that are limited keep their laws
    return [statement for statement in statements if id(statement.law) in wanted]


class _Statement(NamedTuple):
    """A law as an axiom, and the cases of it that matter (often the axiom itself)."""

    law: Law
    axiom: Equation
    cases: list[Equation]


def _completed(
    presentation: Presentation,
    run: Completion,
    limits: Limits,
    statements: Sequence[_Statement],
    already: Sequence[_Statement],
    exact: RewritingSystem | None,
) -> RewritingSystem:
    """Complete by length; if that does not end soon, by layers; and failing that, by length up to the limits."""
    alphabet = run.rules.alphabet
    axioms = [statement.axiom for statement in statements]
    cases = [case for statement in statements for case in statement.cases]
    longest = max((len(side) for case in cases for side in (case.lhs, case.rhs)), default=0)
    run.limits = Limits(*map(min, limits, FIRST._replace(length=max(FIRST.length, longest))))
    run.inverses.take_for_granted(axioms)
    run.complete(cases, [case for statement in already for case in statement.cases])
    lower = _lower_layer(run)
    shapes = {shape for case in cases for shape in alphabet.shapes_of((*case.lhs, *case.rhs))}
    for leftwards in (True, False) if run.cut_short and not shapes <= lower else ():
        order = _layered(alphabet, lower, leftwards=leftwards)
        tried = limits._replace(steps=min(limits.steps, FIRST.steps))
        layers = Completion(RuleSet(alphabet), run.inverses.copy(), order, tried)
        layers.complete(cases)
        if not layers.problem():
            return RewritingSystem(presentation, run.rules, run.inverses, "", axioms, exact, layers.rules)
    # What approximate laws add to a completed system is a bonus that is not worth a long wait.
    if run.cut_short and (exact is None or not exact.completed):
        run.limits = limits
        run.complete([])
    return RewritingSystem(presentation, run.rules, run.inverses, run.problem(), axioms, exact)


def _lower_layer(run: Completion) -> frozenset[int]:
    """The shapes of the plain letters that are known to be invertible."""
    alphabet = run.rules.alphabet
    return frozenset(
        alphabet.shapes[code]
        for code, arguments in enumerate(alphabet.arguments)
        if not arguments and run.inverses.fact(code) is not None
    )


def _layered(alphabet: Alphabet, lower: frozenset[int], *, leftwards: bool) -> Order:
    """The wreath-product order: the letters that are not in the lower layer, then the words between them.

    Rules move the letters of the lower layer leftwards or rightwards past the others.
    """

    def key(codes: Codes) -> tuple[object, ...]:
        upper: list[int] = []
        between: list[list[int]] = [[]]
        for code in codes:
            if alphabet.shapes[code] in lower:
                between[-1].append(code)
            else:
                upper.append(code)
                between.append([])
        words = [alphabet.precedence(tuple(word)) for word in between]
        return alphabet.precedence(tuple(upper)), words[::-1] if leftwards else words

    return key


def _statement(alphabet: Alphabet, law: Law, presentation: Presentation) -> _Statement:
    lhs, rhs = alphabet.encode(law.lhs), alphabet.encode(law.rhs)
    arguments = [item for code in (*lhs, *rhs) for item in alphabet.arguments[code]]
    axiom = Equation(lhs, rhs, axiom=law, nonzero=denominators(arguments))
    own = {name: variable(name) for name in law.variables}
    cases = [
        Equation(
            alphabet.instantiate(lhs, own | case),
            alphabet.instantiate(rhs, own | case),
            (Step(axiom, True, 0, own | case),),
            nonzero=axiom.nonzero,
        )
        for case in special_cases(law, presentation.passive)
        if case
    ]
    return _Statement(law, axiom, cases or [axiom])
