"""From derivations by rules to derivations by declared laws, which are spelt out as proofs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from augalgebra.algebra import expressions
from augalgebra.algebra.expressions import Value, substitute, variable
from augalgebra.algebra.laws import Law
from augalgebra.algebra.rewriting.alphabet import Alphabet, Codes
from augalgebra.algebra.rewriting.equations import Equation, Step, TwoSidedInverse, conditions_of, readable_names
from augalgebra.algebra.rewriting.proof_search import Path, Shortener, Strength, is_approximate
from augalgebra.algebra.rewriting.proofs import InverseDefinition, Proof, ProofStep
from augalgebra.algebra.rewriting.unorientable import PeriodRelation
from augalgebra.algebra.words import Letter, Word
from augalgebra.errors import IncompleteError

MAX_PROOF_LETTERS = 200_000
"""Letters that the words of a derivation may have together for it to be spelt out."""
PROOF_EFFORT = 2_500
"""Words that are made in search of a short proof, before it is put together from those of rules."""
EQUATION_EFFORT = 600
"""The same for the proof of a rule."""


class Derivations:
    """Spells derivations out as paths of axioms, and remembers what it has spelt out.

    Attributes:
        alphabet: The codes of the letters.
        shifts: The shifts of parameters by which letters are silently brought into canonical form.
        axioms: Laws that may be used to shorten a proof, besides those that it already steps.
    """

    def __init__(
        self, alphabet: Alphabet, shifts: Sequence[PeriodRelation] = (), axioms: Iterable[Equation] = ()
    ) -> None:
        self.alphabet, self.shifts = alphabet, shifts
        self._shortener = Shortener(alphabet, axioms)
        self._exact: dict[Equation, bool] = {}
        self._paths: dict[Equation, Path] = {}
        self._used: dict[Equation, tuple[Law, ...]] = {}
        self._definitions: dict[Equation, InverseDefinition] = {}

    def proof(self, start: Codes, derivation: Sequence[Step], end: Codes) -> Proof:
        """The proof that a derivation amounts to, shortened; it only names the laws if it has too many letters."""
        strength = Strength(all(self._is_exact(step.equation) for step in derivation), conditions_of(derivation))
        path = self._shortener.path(start, end, strength=strength, room=2, effort=PROOF_EFFORT)
        if path is None:
            try:
                path = self._shortener.shortened(self._follow(start, derivation, end))
            except (IncompleteError, ValueError):  # too many letters, or a number too large on the way
                return self.unspelt(self.alphabet.decode(start), derivation, self.alphabet.decode(end))
        words = [self.alphabet.decode(word) for word in path.words]
        steps = (
            ProofStep(
                before,
                after,
                self._law(step.equation),
                step.forward,
                step.position,
                tuple(sorted((self._own_name(step.equation, name), item) for name, item in step.bindings.items())),
                step.times,
                self._keeping(codes[: step.position], step.equation),
            )
            for codes, before, after, step in zip(path.words, words, words[1:], path.steps, strict=False)
        )
        return Proof(words[0], words[-1], tuple(steps))

    def _keeping(self, before: Codes, source: Equation) -> tuple[Law, ...]:
        """The laws by which what stands before the place of an axiom keeps the conditions of that."""
        if not source.conditions:
            return ()
        laws = (law for code in before for law in self.alphabet.keeping(code) if law.conditions & source.conditions)
        return tuple(dict.fromkeys(laws))

    def unspelt(self, start: Word, derivation: Iterable[Step], end: Word) -> Proof:
        """The proof that a derivation amounts to, of which only the laws are told."""
        equations = dict.fromkeys(step.equation for step in derivation)
        # Letters are brought into canonical form without a step.
        shapes = {self.alphabet.shapes[code] for equation in equations for code in (*equation.lhs, *equation.rhs)}
        equations |= dict.fromkeys(shift.equation for shift in self.shifts if shift.shape in shapes)
        used = dict.fromkeys(law for equation in equations for law in self._laws(equation))
        letters = tuple(self.alphabet.code(Letter(symbol)) for symbol in start.symbols)
        used |= dict.fromkeys(law for equation in equations for law in self._keeping(letters, equation))
        return Proof(start, end, unspelt=tuple(used))

    def _laws(self, equation: Equation) -> tuple[Law, ...]:
        """The laws behind an equation."""
        found = self._used.get(equation)
        if found is None:
            if equation.axiom is None:
                found = tuple(dict.fromkeys(law for step in equation.derivation for law in self._laws(step.equation)))
            else:
                law = self._law(equation)
                found = (law,) if isinstance(law, Law) else law.laws
            self._used[equation] = found
        return found

    def _follow(self, start: Codes, derivation: Iterable[Step], end: Codes) -> Path:
        """Walk from `start` along the derivation, shifting parameters by their periods where a step needs it."""
        instantiate = self.alphabet.instantiate
        words, steps = [start], []
        letters = len(start)

        def extend(path: Path, position: int, length: int, bindings: Mapping[str, Value]) -> None:
            nonlocal letters
            before, after = words[-1][:position], words[-1][position + length :]
            for step, word in zip(path.steps, path.words[1:], strict=True):
                values = {name: substitute(item, bindings) for name, item in step.bindings.items()}
                steps.append(Step(step.equation, step.forward, step.position + position, values, step.times))
                words.append(before + instantiate(word, bindings) + after)
                letters += len(words[-1])
                if letters > MAX_PROOF_LETTERS:
                    raise IncompleteError(f"the words of this proof have more than {MAX_PROOF_LETTERS} letters")

        for step in derivation:
            path = self._path(step.equation)
            if not step.forward:
                path = path.reversed()
            needed = instantiate(path.words[0], step.bindings)
            for shift in self._shifts(words[-1], step.position, needed):
                extend(*shift)
            extend(path, step.position, len(needed), step.bindings)
        for shift in self._shifts(words[-1], 0, end):
            extend(*shift)
        return Path(tuple(words), tuple(steps)).without_detours()

    def _path(self, equation: Equation) -> Path:
        """The path of axioms that proves an equation, in the equation's own variables."""
        found = self._paths.get(equation)
        if found is None:
            if equation.axiom is not None:
                own = {name: variable(name) for name in self.alphabet.variables_of((*equation.lhs, *equation.rhs))}
                found = Path((equation.lhs, equation.rhs), (Step(equation, True, 0, own),))
            else:
                strength = Strength(self._is_exact(equation), equation.conditions)
                found = self._shortener.path(
                    equation.lhs, equation.rhs, strength=strength, room=1, effort=EQUATION_EFFORT
                )
                if found is None:
                    found = self._follow(equation.lhs, equation.derivation, equation.rhs)
            self._paths[equation] = found
        return found

    def _is_exact(self, equation: Equation) -> bool:
        """Whether no approximate law stands behind an equation."""
        found = self._exact.get(equation)
        if found is None:
            own = not is_approximate(equation)
            found = self._exact[equation] = own and all(self._is_exact(step.equation) for step in equation.derivation)
        return found

    def _shifts(
        self, word: Codes, position: int, needed: Codes
    ) -> Iterator[tuple[Path, int, int, Mapping[str, Value]]]:
        """Paths that turn the letters at `position` into needed ones that differ by periods only."""
        alphabet = self.alphabet
        for place, wanted in enumerate(needed):
            code = word[position + place]
            if code == wanted:
                continue
            arguments = list(alphabet.arguments[code])
            for index, aim in enumerate(alphabet.arguments[wanted]):
                if arguments[index] == aim:
                    continue
                for shift, times in self._decomposed(code, index, _distance(arguments[index], aim)):
                    yield from self._moves(shift, times, arguments, position + place)

    def _moves(
        self, shift: PeriodRelation, times: int, arguments: list[Value], position: int
    ) -> Iterator[tuple[Path, int, int, Mapping[str, Value]]]:
        """Apply a shift several times (reverse where `times` is negative), updating the arguments."""
        instantiate, (own,) = self.alphabet.instantiate, shift.equation.lhs
        names = [expressions.as_variable(item) for item in self.alphabet.arguments[own]]
        path = self._path(shift.equation) if times > 0 else self._path(shift.equation).reversed()
        once = shift.amount if times > 0 else -shift.amount
        # A shift that one axiom proves is applied any number of times in one step.
        at_once = abs(times) if [step.times for step in path.steps] == [1] else 1

        def moved(by: Fraction) -> dict[str, Value]:
            values = {name: item for name, item in zip(names, arguments, strict=True) if name is not None}
            values[str(names[shift.place])] = _add(arguments[shift.place], by)
            return values

        for _ in range(abs(times) // at_once):
            # Backwards, the equation's own variable is what the argument is after the first step.
            bindings = moved(Fraction(0) if times > 0 else once)
            if at_once > 1:
                (step,) = path.steps
                bound = {name: substitute(item, bindings) for name, item in step.bindings.items()}
                ends = instantiate((own,), moved(Fraction(0))), instantiate((own,), moved(once * at_once))
                yield Path(ends, (step._replace(bindings=bound, times=at_once),)), position, 1, {}
            else:
                yield path, position, 1, bindings
            arguments[shift.place] = _add(arguments[shift.place], once * at_once)

    def _decomposed(self, code: int, place: int, distance: Fraction) -> list[tuple[PeriodRelation, int]]:
        """Write a multiple of a period as multiples of the shifts that were known first."""
        shape, arguments = self.alphabet.shapes[code], self.alphabet.arguments[code]
        known = [
            shift for shift in self.shifts if shift.shape == shape and shift.place == place and shift.applies(arguments)
        ]
        for size in range(1, len(known) + 1):
            times = _combination([shift.amount for shift in known[:size]], distance)
            if times is not None:
                return [(shift, factor) for shift, factor in zip(known, times, strict=False) if factor]
        raise AssertionError(f"letters differ by {distance}, which is no multiple of the period")

    def _law(self, axiom: Equation) -> Law | InverseDefinition:
        if isinstance(axiom.axiom, Law):
            return axiom.axiom
        inverse = axiom.axiom
        if inverse is None:
            raise TypeError("only axioms stand in a path")
        found = self._definitions.get(axiom)
        if found is None:
            names = readable_names(self.alphabet.variables_of((inverse.letter,)))
            (letter,) = self.alphabet.instantiate((inverse.letter,), names)
            right, left = (
                None if side is None else self._renamed(side, names) for side in (inverse.right, inverse.left)
            )
            symbol, mirrored = self.alphabet.letters[letter].symbol, axiom.lhs[0] != inverse.letter
            found = self._definitions[axiom] = InverseDefinition(symbol, mirrored, right, left, inverse.law)
        return found

    def _renamed(self, equation: Equation, names: Mapping[str, Value]) -> Proof:
        instantiate = self.alphabet.instantiate
        return self.proof(
            instantiate(equation.lhs, names), [Step(equation, True, 0, names)], instantiate(equation.rhs, names)
        )

    def _own_name(self, equation: Equation, name: str) -> str:
        """The name under which the printed law knows a variable."""
        if isinstance(equation.axiom, TwoSidedInverse):
            return str(readable_names(self.alphabet.variables_of((equation.axiom.letter,)))[name])
        return name


def _distance(old: Value, new: Value) -> Fraction:
    distance = expressions.difference(new, old)
    if not isinstance(distance, Fraction):
        raise TypeError(f"{old} and {new} do not differ by a number")
    return distance


def _add(argument: Value, amount: Fraction) -> Value:
    if not isinstance(argument, Fraction | expressions.Expression):
        raise TypeError(f"{argument!r} is no number")
    return expressions.add(argument, amount)


def _combination(shifts: Sequence[Fraction], distance: Fraction) -> list[int] | None:
    """Whole numbers that make the shifts add up to the distance, if there are any (extended Euclid)."""
    total, factors = shifts[0], [1]
    for shift in shifts[1:]:
        # Invariant: each triple (r, x, y) has r = x * total + y * shift.
        old, new = (total, 1, 0), (shift, 0, 1)
        while new[0]:
            quotient = int(old[0] // new[0])
            old, new = (
                new,
                (old[0] - quotient * new[0], old[1] - quotient * new[1], old[2] - quotient * new[2]),
            )
        total = old[0]
        factors = [old[1] * factor for factor in factors] + [old[2]]
    times = distance / total
    return [int(times) * factor for factor in factors] if times.denominator == 1 else None
