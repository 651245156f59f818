"""From derivations by rules to derivations by declared laws, which are spelt out as proofs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from augalgebra.algebra.expressions import Value, difference, substitute, variable
from augalgebra.algebra.laws import Law
from augalgebra.algebra.rewriting.alphabet import Alphabet, Codes
from augalgebra.algebra.rewriting.equations import Equation, Step, TwoSidedInverse, conditions_of, readable_names
from augalgebra.algebra.rewriting.proof_search import Path, Shortener, Strength, is_approximate
from augalgebra.algebra.rewriting.proofs import InverseDefinition, Proof, ProofStep, can_repeat
from augalgebra.algebra.rewriting.unorientable import plus
from augalgebra.algebra.unification import Bindings, match
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
        axioms: Laws that may be used to shorten a proof, besides those that it already uses.
    """

    def __init__(self, alphabet: Alphabet, axioms: Iterable[Equation] = ()) -> None:
        self.alphabet = alphabet
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
                path = self._shortener.shorten(self._follow(start, derivation))
            except (IncompleteError, ValueError):  # too many letters, or a number too large on the way
                return self.unspelt(self.alphabet.decode(start), derivation, self.alphabet.decode(end))
        path = _joined(path)
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

    def _follow(self, start: Codes, derivation: Iterable[Step]) -> Path:
        """Walk from `start` along a derivation, using axioms alone."""
        instantiate = self.alphabet.instantiate
        words, steps = [start], list[Step]()
        letters = len(start)
        for step in derivation:
            for path, bindings in self._repeated(step):
                length = len(path.words[0])
                before, after = words[-1][: step.position], words[-1][step.position + length :]
                for use, word in zip(path.steps, path.words[1:], strict=True):
                    values = _substituted(use.bindings, bindings)
                    steps.append(use._replace(position=use.position + step.position, bindings=values))
                    words.append(before + instantiate(word, bindings) + after)
                    letters += len(words[-1])
                    if letters > MAX_PROOF_LETTERS:
                        raise IncompleteError(f"the words of this proof have more than {MAX_PROOF_LETTERS} letters")
        return Path(tuple(words), tuple(steps)).without_detours()

    def _repeated(self, step: Step) -> Iterator[tuple[Path, Mapping[str, Value]]]:
        """The paths of axioms that a step amounts to, with values for their variables."""
        path, times = self._path(step.equation), step.times
        move: Mapping[str, Fraction] = {}
        if times > 1:
            moves = [self._move(path.words[0], word) for word in path.words]
            known = [move for move in moves if move is not None]
            move = known[-1]
            if len(known) == len(moves):  # every step of the path moves parameters, and is used as often at once
                path, times = self._multiplied(path, known, times), 1
        if not step.forward:
            path = path.reversed()
        for turn in range(times) if step.forward else reversed(range(times)):
            yield path, {**step.bindings, **_substituted(_moved(move, turn), step.bindings)}

    def _multiplied(self, path: Path, moves: Sequence[Mapping[str, Fraction]], times: int) -> Path:
        """A path through one letter that moves its variables, with every step used so many times at once."""
        words = (self.alphabet.instantiate(path.words[0], _moved(move, times)) for move in moves)
        steps = (
            use._replace(
                times=use.times * times,
                bindings=_substituted(use.bindings, _moved(before if use.forward else after, times - 1)),
            )
            for use, before, after in zip(path.steps, moves, moves[1:], strict=False)
        )
        return Path(tuple(words), tuple(steps))

    def _move(self, start: Codes, word: Codes) -> dict[str, Fraction] | None:
        """By how much the variables of a letter move to make it into a word; None if that does not do it."""
        if self.alphabet.shapes_of(start) != self.alphabet.shapes_of(word):
            return None
        (old,), (new,) = ([self.alphabet.arguments[code] for code in codes] for codes in (start, word))
        bindings = match(old, new, [None] * len(old))
        gaps = {name: difference(item, variable(name)) for name, item in (bindings or {}).items()}
        found = {name: gap for name, gap in gaps.items() if isinstance(gap, Fraction)}
        return found if bindings is not None and found.keys() == gaps.keys() else None

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
                    found = self._follow(equation.lhs, equation.derivation)
            self._paths[equation] = found
        return found

    def _is_exact(self, equation: Equation) -> bool:
        """Whether no approximate law stands behind an equation."""
        found = self._exact.get(equation)
        if found is None:
            own = not is_approximate(equation)
            found = self._exact[equation] = own and all(self._is_exact(step.equation) for step in equation.derivation)
        return found

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


def _joined(path: Path) -> Path:
    """The path with steps that move one parameter by one law and in one direction made one."""
    words, steps = [path.words[0]], list[Step]()
    for step, word in zip(path.steps, path.words[1:], strict=True):
        last, law = (steps[-1] if steps else None), step.equation.axiom
        if last is not None and last[:3] == step[:3] and isinstance(law, Law) and can_repeat(law):
            # The bindings are those of the use at the left side of the law.
            steps[-1] = (last if step.forward else step)._replace(times=last.times + step.times)
            words[-1] = word
        else:
            steps.append(step)
            words.append(word)
    return Path(tuple(words), tuple(steps))


def _moved(move: Mapping[str, Fraction], times: int) -> Bindings:
    """Bindings that move variables by so many times an amount each."""
    return {name: plus(variable(name), times * amount) for name, amount in move.items()}


def _substituted(bindings: Mapping[str, Value], further: Mapping[str, Value]) -> Bindings:
    return {name: substitute(item, further) for name, item in bindings.items()}
