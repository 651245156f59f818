"""Sets of rules that reduce words, modulo periods of parameters and self-commuting families."""

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from augalgebra.algebra.conditions import ALL, ALWAYS, Conditions
from augalgebra.algebra.rewriting.alphabet import Alphabet, Codes, argument_key
from augalgebra.algebra.rewriting.equations import Equation, Rule, Step
from augalgebra.algebra.rewriting.unorientable import PeriodRelation, Periods
from augalgebra.algebra.unification import Bindings, Undecided, carry_nonzero, match
from augalgebra.errors import IncompleteError

MAX_STEPS = 1_000_000
"""Rewriting steps spent on one word before giving up."""

MAX_REMEMBERED = 50_000
"""Parts of words for which it is remembered what a parametrised rule makes of them."""

Ranking: TypeAlias = Callable[[int], Any]
"""How letters that commute are sorted; None for a letter that is to stay where it is."""


class _Ending(dict[int, "_Ending"]):
    """Letters that may stand before some last letters of left sides, and the rules whose left side these are.

    Attributes:
        rule: The rule for every picture, if the letters up to here are all of its left side.
        conditional: Rules for some pictures of which that is so.
    """

    __slots__ = ("conditional", "rule")

    def __init__(self) -> None:
        self.rule: Rule | None = None
        self.conditional: Sequence[Rule] = ()

    def __missing__(self, code: int) -> "_Ending":
        ending = self[code] = _Ending()
        return ending


class RuleSet:
    """Rules, the periods of parameters, and the families that commute with themselves; reduces words.

    Attributes:
        alphabet: The codes of the letters.
        letters_read: How many letters were read in all reductions, which is what they cost.
        periods: The periods of parameters.
        commutations: For the shape of a family, the equation ``f(..) * f(..) = f(..) * f(..)``, by which neighbours are
            sorted.
    """

    def __init__(self, alphabet: Alphabet) -> None:
        self.alphabet = alphabet
        self.letters_read = 0
        self.periods = Periods(alphabet)
        self.commutations: dict[int, Rule] = {}
        self._rules: dict[int, Rule] = {}  # by serial number, which grows
        # Rules without variables, letter by letter from the end of the left side: a look-up ends where no rule goes on.
        self._endings = _Ending()
        self._conditional: dict[Codes, list[Rule]] = {}
        self._has_conditions = False
        # Parametrised rules by the shapes of the left side, and the lengths of those by the shape of the last letter.
        self._parametrised: dict[tuple[int, ...], list[Rule]] = {}
        self._parametrised_lengths: dict[int, list[int]] = {}
        self._rewritten: dict[tuple[Rule, Codes], tuple[Bindings, Codes] | None] = {}
        self._keys: dict[int, tuple[object, ...]] = {}

    def __len__(self) -> int:
        return len(self._rules)

    def copy(self) -> "RuleSet":
        """A set that can grow on its own."""
        other = RuleSet(self.alphabet)
        other.periods, other.commutations = self.periods.copy(), dict(self.commutations)
        for rule in self.rules:
            other.add(rule.copy())
        return other

    @property
    def rules(self) -> list[Rule]:
        """All rules, in the order in which they were found."""
        return list(self._rules.values())

    @property
    def is_plain(self) -> bool:
        """Whether the rules are pairs of words and no more: no variables, conditions, periods or commutations."""
        return not (self._has_conditions or self._parametrised or self.periods.relations or self.commutations)

    def add(self, rule: Rule) -> None:
        """Let a rule take part in reductions; it was found after those that are here."""
        self._rules[rule.serial] = rule
        self._has_conditions = self._has_conditions or bool(rule.conditions)
        if rule.variables:
            self._parametrised.setdefault(rule.shapes, []).append(rule)
            lengths = self._parametrised_lengths.setdefault(rule.shapes[-1], [])
            if len(rule.lhs) not in lengths:
                insort(lengths, len(rule.lhs))
        elif rule.conditions:
            self._conditional.setdefault(rule.lhs, []).append(rule)
            self._ending(rule).conditional = self._conditional[rule.lhs]
        else:
            self._ending(rule).rule = rule

    def remove(self, rule: Rule) -> None:
        """Take a rule out; what no rule has any more only costs a look-up."""
        del self._rules[rule.serial]
        if rule.variables:
            self._parametrised[rule.shapes].remove(rule)
        elif rule.conditions:
            self._conditional[rule.lhs].remove(rule)
        else:
            self._ending(rule).rule = None

    def _ending(self, rule: Rule) -> "_Ending":
        """The place of a rule without variables."""
        place = self._endings
        for code in reversed(rule.lhs):
            place = place[code]
        return place

    def restate(self, rule: Rule, equation: Equation) -> None:
        """Give a rule another right side (the equation has the same left side)."""
        rule.restate(equation)
        self._rewritten.clear()

    def add_period_relation(self, relation: PeriodRelation) -> list[Equation]:
        """Let an argument count up to multiples of an amount only; for what is returned see `Periods.add`."""
        self._rewritten.clear()
        return self.periods.add(relation)

    def natural(self, code: int) -> tuple[object, ...]:
        """The ranking by which normal forms sort letters that commute."""
        key = self._keys.get(code)
        if key is None:
            key = self._keys[code] = tuple(argument_key(item) for item in self.alphabet.arguments[code])
        return key

    def match(self, rule: Rule, codes: Codes) -> Bindings | None:
        """The bindings that make the left side of a parametrised rule into `codes`, of the same shapes."""
        arguments = self.alphabet.arguments
        subjects = [item for code in codes for item in arguments[code]]
        bindings: Bindings | None
        if rule.plain is not None:
            bindings = dict(zip(rule.plain, subjects, strict=True))
        else:
            bindings = match(rule.patterns, subjects, self.periods.of(codes))
        nonzero = rule.equation.nonzero
        if bindings is not None and nonzero and any(bindings[name] == 0 for name in nonzero):
            return None
        return bindings

    def rewrite(self, rule: Rule, codes: Codes) -> tuple[Bindings, Codes] | None:
        """The bindings and the instance of the right side with which a parametrised rule replaces `codes`."""
        bindings = self.match(rule, codes)
        if bindings is None:
            return None
        try:
            needed = codes if rule.plain is not None else self.alphabet.instantiate(rule.lhs, bindings)
            if needed != codes and self.periods.steps(codes, needed, 0) is None:
                return None
            return bindings, self.alphabet.instantiate(rule.rhs, bindings)
        except (ZeroDivisionError, ValueError, TypeError):  # the right side makes no sense at these arguments
            return None

    def reducible(self, codes: Codes, rule: Rule, nonzero: frozenset[str] = frozenset()) -> bool:
        """Whether this one rule applies somewhere in a word, for all values of the word's variables.

        The pictures that the word is for meet the rule's conditions.

        Args:
            codes: The word.
            rule: The rule.
            nonzero: Variables of the word that are known not to be zero.
        """
        length = len(rule.lhs)
        for start in range(len(codes) - length + 1):
            part = codes[start : start + length]
            if not self.alphabet.keeps(codes[:start], rule.conditions):
                return False
            if not rule.variables:
                if part == rule.lhs:
                    return True
            elif self.alphabet.shapes_of(part) == rule.shapes:
                rewritten = self.rewrite(rule, part)
                if rewritten is not None and _is_covered(rule.equation.nonzero, rewritten[0], nonzero):
                    return True
        return False

    def reduce(
        self,
        codes: Codes,
        trace: list[Step] | None = None,
        ranking: Ranking | None = None,
        within: Conditions = ALL,
    ) -> Codes:
        """Rewrite a word until no rule applies.

        Args:
            codes: The word.
            trace: Where the steps are appended.
            ranking: How letters that commute are sorted; None leaves them where they are. Words with variables of
                rules must not be sorted, because the order changes with the values.
            within: What the pictures are that the word is for; rules that need more, or need what the letters before do
                not keep, are left out.

        Raises:
            IncompleteError: The word took more than `MAX_STEPS` steps.
        """
        if self.is_plain:
            return self.reduce_on((), codes, trace)
        shapes, endings, parametrised = self.alphabet.shapes, self._endings, self._parametrised_lengths
        commuting = self.commutations if ranking is not None else {}
        canonical = self.periods.canonical if self.periods.relations else None
        out: list[int] = []
        met = [within if self._has_conditions else ALWAYS]  # what pictures are after each letter of `out`
        todo = list(codes[::-1])
        self.letters_read += len(todo)
        steps = 0
        nothing: Bindings = {}
        while todo:
            code = todo.pop()
            if canonical is not None:
                code, moves = canonical(code)
                if moves and trace is not None:
                    trace += [step._replace(position=len(out)) for step in moves]
            out.append(code)
            if self._has_conditions:
                met.append(met[-1] & self.alphabet.kept[code])
            size = len(out)
            source: Rule | None = None
            start, bindings = 0, nothing
            replacement: Codes = ()
            place, begin = endings.get(code), size - 1
            while place is not None:
                source = place.rule
                if source is None and place.conditional:
                    source = next((rule for rule in place.conditional if rule.conditions <= met[begin]), None)
                if source is not None:
                    start, replacement = begin, source.rhs
                    break
                if not begin:
                    break
                begin -= 1
                place = place.get(out[begin])
            if source is None and shapes[code] in parametrised:
                found = self._parametrised_match(out, met)
                if found is not None:
                    source, bindings, replacement = found
                    start = size - len(source.lhs)
            if source is None and ranking is not None and size > 1 and shapes[code] in commuting:
                swapped = self._swap(out[-2], code, ranking)
                if swapped is not None:
                    source, start = commuting[shapes[code]], size - 2
                    bindings, replacement = swapped
            if source is None:
                continue
            steps += 1
            if steps > MAX_STEPS:
                raise IncompleteError(f"gave up on a word of {len(codes)} letters after {MAX_STEPS} rewriting steps")
            if trace is not None:
                if canonical is not None and bindings and source.plain is None:
                    part, needed = tuple(out[start:]), self.alphabet.instantiate(source.lhs, bindings)
                    trace += self.periods.steps(part, needed, start) or ()
                trace.append(Step(source.equation, True, start, bindings))
            del out[start:], met[start + 1 :]
            todo.extend(replacement[::-1])
            self.letters_read += len(replacement)
        return tuple(out)

    def reduce_on(self, normal: Codes, codes: Codes, trace: list[Step] | None = None) -> Codes:
        """Rewrite a word by rules that are plain.

        Args:
            normal: How the word begins: letters to which no rule applies.
            codes: The other letters.
            trace: Where the steps are appended.

        Raises:
            IncompleteError: The word took more than `MAX_STEPS` steps.
        """
        endings = self._endings
        out = [-1, *normal]  # no left side goes on with that
        todo = list(codes[::-1])
        read, least = len(normal) + len(todo), -MAX_STEPS
        while todo:
            code = todo.pop()
            out.append(code)
            place, begin = endings.get(code), -1
            while place is not None:
                rule = place.rule
                if rule is None:
                    begin -= 1
                    place = place.get(out[begin])
                    continue
                del out[begin:]
                if trace is not None:
                    trace.append(Step(rule.equation, True, len(out) - 1, {}))
                todo += rule.rhs[::-1]
                read += len(rule.rhs)
                least += 1
                if least > 0:
                    length = len(normal) + len(codes)
                    raise IncompleteError(f"gave up on a word of {length} letters after {MAX_STEPS} rewriting steps")
                break
        self.letters_read += read
        return tuple(out[1:])

    def _parametrised_match(self, out: list[int], met: list[Conditions]) -> tuple[Rule, Bindings, Codes] | None:
        """A parametrised rule that applies to the end of a word, with the bindings and what it puts there."""
        shapes = self.alphabet.shapes
        for length in self._parametrised_lengths[shapes[out[-1]]]:
            if length > len(out):
                break
            part = tuple(out[-length:])
            for rule in self._parametrised.get(tuple([shapes[code] for code in part]), ()):
                if rule.conditions and not rule.conditions <= met[len(out) - length]:
                    continue
                if (rule, part) not in self._rewritten:
                    if len(self._rewritten) > MAX_REMEMBERED:
                        self._rewritten.clear()
                    self._rewritten[rule, part] = self.rewrite(rule, part)
                rewritten = self._rewritten[rule, part]
                if rewritten is not None:
                    return rule, *rewritten
        return None

    def _swap(self, first: int, second: int, ranking: Ranking) -> tuple[Bindings, Codes] | None:
        """What exchanges two neighbours, as `rewrite` says it, if they commute and are in the wrong order."""
        shapes = self.alphabet.shapes
        if shapes[first] != shapes[second] or first == second:
            return None
        one, two = ranking(first), ranking(second)
        if one is None or two is None or one <= two:
            return None
        return self.rewrite(self.commutations[shapes[second]], (first, second))


def _is_covered(names: Iterable[str], bindings: Bindings, nonzero: frozenset[str]) -> bool:
    try:
        required = carry_nonzero(names, bindings)
    except Undecided:
        return False
    return required is not None and required <= nonzero
