"""From chains of rules to chains of declared laws."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from augalgebra.algebra import expressions
from augalgebra.algebra.expressions import Value, substitute, variable
from augalgebra.algebra.laws import Law
from augalgebra.algebra.rewriting.alphabet import Alphabet, Codes
from augalgebra.algebra.rewriting.proof_search import Chain, Shortener, Strength, Use, is_approximate
from augalgebra.algebra.rewriting.proofs import InverseDefinition, Proof, Step
from augalgebra.algebra.rewriting.rule_set import Shift
from augalgebra.algebra.rewriting.rules import InverseAxiom, InverseFact, Lemma, Link, needed_by, readable
from augalgebra.algebra.words import Letter, Word
from augalgebra.errors import IncompleteError

MAX_PROOF_LETTERS = 200_000
"""Letters that the words of a chain may have together for it to be spelt out."""
PROOF_EFFORT = 2_500
"""Words that are made in search of a short proof, before it is put together from those of rules."""
LEMMA_EFFORT = 600
"""The same for the proof of a rule."""


class Derivations:
    """Spells lemmas out as chains of axioms, and remembers what it has spelt out.

    Attributes:
        alphabet: The codes of the letters.
        shifts: The shifts of parameters by which letters are silently brought into canonical form.
        axioms: Laws that may be used to shorten a proof, besides those that it already uses.
    """

    def __init__(self, alphabet: Alphabet, shifts: Sequence[Shift] = (), axioms: Iterable[Lemma] = ()) -> None:
        self.alphabet, self.shifts = alphabet, shifts
        self._shortener = Shortener(alphabet, axioms)
        self._exact: dict[Lemma, bool] = {}
        self._chains: dict[Lemma, Chain] = {}
        self._used: dict[Lemma, tuple[Law, ...]] = {}
        self._definitions: dict[tuple[InverseFact, bool], InverseDefinition] = {}

    def proof(self, start: Codes, links: Sequence[Link], end: Codes) -> Proof:
        """The proof that the links amount to, shortened; one that only names the laws if it has too many letters."""
        strength = Strength(all(self._is_exact(link.source) for link in links), needed_by(links))
        chain = self._shortener.path(start, end, strength=strength, room=2, effort=PROOF_EFFORT)
        if chain is None:
            try:
                chain = self._shortener.shortened(self._follow(start, links, end))
            except (IncompleteError, ValueError):  # too many letters, or a number too large on the way
                return self.unspelt(self.alphabet.decode(start), links, self.alphabet.decode(end))
        words = [self.alphabet.decode(word) for word in chain.words]
        steps = (
            Step(
                before,
                after,
                self._law(use.link.source),
                use.link.forward,
                use.link.position,
                tuple(
                    sorted((self._own_name(use.link.source, name), item) for name, item in use.link.bindings.items())
                ),
                use.times,
                self._keeping(codes[: use.link.position], use.link.source),
            )
            for codes, before, after, use in zip(chain.words, words, words[1:], chain.uses, strict=False)
        )
        return Proof(words[0], words[-1], tuple(steps))

    def _keeping(self, before: Codes, source: Lemma) -> tuple[Law, ...]:
        """The laws by which what stands before the place of an axiom keeps the conditions of that."""
        if not source.conditions:
            return ()
        laws = (law for code in before for law in self.alphabet.keeping(code) if law.conditions & source.conditions)
        return tuple(dict.fromkeys(laws))

    def unspelt(self, start: Word, links: Iterable[Link], end: Word) -> Proof:
        """The proof that the links amount to, of which only the laws are told."""
        lemmas = dict.fromkeys(link.source for link in links)
        # Letters are brought into canonical form without a link.
        shapes = {self.alphabet.shapes[code] for lemma in lemmas for code in (*lemma.lhs, *lemma.rhs)}
        lemmas |= dict.fromkeys(shift.lemma for shift in self.shifts if shift.shape in shapes)
        used = dict.fromkeys(law for lemma in lemmas for law in self._laws(lemma))
        letters = tuple(self.alphabet.code(Letter(symbol)) for symbol in start.symbols)
        used |= dict.fromkeys(law for lemma in lemmas for law in self._keeping(letters, lemma))
        return Proof(start, end, unspelt=tuple(used))

    def _laws(self, lemma: Lemma) -> tuple[Law, ...]:
        """The laws behind a lemma."""
        found = self._used.get(lemma)
        if found is None:
            if lemma.axiom is None:
                found = tuple(dict.fromkeys(law for link in lemma.chain for law in self._laws(link.source)))
            else:
                law = self._law(lemma)
                found = (law,) if isinstance(law, Law) else law.laws
            self._used[lemma] = found
        return found

    def _follow(self, start: Codes, links: Iterable[Link], end: Codes) -> Chain:
        """Walk from `start` along the links, shifting parameters by their periods where a link needs it."""
        instantiate = self.alphabet.instantiate
        words, uses = [start], []
        letters = len(start)

        def extend(chain: Chain, position: int, length: int, bindings: Mapping[str, Value]) -> None:
            nonlocal letters
            before, after = words[-1][:position], words[-1][position + length :]
            for use, word in zip(chain.uses, chain.words[1:], strict=True):
                link = use.link
                values = {name: substitute(item, bindings) for name, item in link.bindings.items()}
                uses.append(Use(Link(link.source, link.forward, link.position + position, values), use.times))
                words.append(before + instantiate(word, bindings) + after)
                letters += len(words[-1])
                if letters > MAX_PROOF_LETTERS:
                    raise IncompleteError(f"the words of this proof have more than {MAX_PROOF_LETTERS} letters")

        for link in links:
            chain = self._chain(link.source)
            if not link.forward:
                chain = chain.reversed()
            needed = instantiate(chain.words[0], link.bindings)
            for shift in self._shifts(words[-1], link.position, needed):
                extend(*shift)
            extend(chain, link.position, len(needed), link.bindings)
        for shift in self._shifts(words[-1], 0, end):
            extend(*shift)
        return Chain(tuple(words), tuple(uses)).without_detours()

    def _chain(self, lemma: Lemma) -> Chain:
        """The chain of axioms that proves a lemma, in the lemma's own variables."""
        found = self._chains.get(lemma)
        if found is None:
            if lemma.axiom is not None:
                own = {name: variable(name) for name in self.alphabet.variables_of((*lemma.lhs, *lemma.rhs))}
                found = Chain((lemma.lhs, lemma.rhs), (Use(Link(lemma, True, 0, own)),))
            else:
                strength = Strength(self._is_exact(lemma), lemma.conditions)
                found = self._shortener.path(lemma.lhs, lemma.rhs, strength=strength, room=1, effort=LEMMA_EFFORT)
                if found is None:
                    found = self._follow(lemma.lhs, lemma.chain, lemma.rhs)
            self._chains[lemma] = found
        return found

    def _is_exact(self, lemma: Lemma) -> bool:
        """Whether no approximate law stands behind a lemma."""
        found = self._exact.get(lemma)
        if found is None:
            own = not is_approximate(lemma)
            found = self._exact[lemma] = own and all(self._is_exact(link.source) for link in lemma.chain)
        return found

    def _shifts(
        self, word: Codes, position: int, needed: Codes
    ) -> Iterator[tuple[Chain, int, int, Mapping[str, Value]]]:
        """Chains that turn the letters at `position` into needed ones that differ by periods only."""
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
        self, shift: Shift, times: int, arguments: list[Value], position: int
    ) -> Iterator[tuple[Chain, int, int, Mapping[str, Value]]]:
        """Apply a shift several times (backwards where `times` is negative), updating the arguments."""
        instantiate, (own,) = self.alphabet.instantiate, shift.lemma.lhs
        names = [expressions.as_variable(item) for item in self.alphabet.arguments[own]]
        chain = self._chain(shift.lemma) if times > 0 else self._chain(shift.lemma).reversed()
        once = shift.amount if times > 0 else -shift.amount
        # A shift that one axiom proves is applied any number of times in one step.
        at_once = abs(times) if [use.times for use in chain.uses] == [1] else 1

        def moved(by: Fraction) -> dict[str, Value]:
            values = {name: item for name, item in zip(names, arguments, strict=True) if name is not None}
            values[str(names[shift.place])] = _add(arguments[shift.place], by)
            return values

        for _ in range(abs(times) // at_once):
            # Backwards, the lemma's own variable is what the argument is after the first step.
            bindings = moved(Fraction(0) if times > 0 else once)
            if at_once > 1:
                (use,) = chain.uses
                bound = {name: substitute(item, bindings) for name, item in use.link.bindings.items()}
                ends = instantiate((own,), moved(Fraction(0))), instantiate((own,), moved(once * at_once))
                yield Chain(ends, (Use(use.link._replace(bindings=bound), at_once),)), position, 1, {}
            else:
                yield chain, position, 1, bindings
            arguments[shift.place] = _add(arguments[shift.place], once * at_once)

    def _decomposed(self, code: int, place: int, distance: Fraction) -> list[tuple[Shift, int]]:
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

    def _law(self, lemma: Lemma) -> Law | InverseDefinition:
        axiom = lemma.axiom
        if isinstance(axiom, Law):
            return axiom
        if not isinstance(axiom, InverseAxiom):
            raise TypeError("only axioms stand in a chain")
        return self._definition(axiom)

    def _definition(self, axiom: InverseAxiom) -> InverseDefinition:
        key = (axiom.fact, axiom.mirrored)
        found = self._definitions.get(key)
        if found is None:
            fact = axiom.fact
            names = readable(self.alphabet.variables_of((fact.letter,)))
            (letter,) = self.alphabet.instantiate((fact.letter,), names)
            right, left = (None if lemma is None else self._renamed(lemma, names) for lemma in (fact.right, fact.left))
            symbol = self.alphabet.letters[letter].symbol
            found = InverseDefinition(symbol, axiom.mirrored, right, left, fact.law)
            self._definitions[key] = found
        return found

    def _renamed(self, lemma: Lemma, names: Mapping[str, Value]) -> Proof:
        instantiate = self.alphabet.instantiate
        return self.proof(instantiate(lemma.lhs, names), [Link(lemma, True, 0, names)], instantiate(lemma.rhs, names))

    def _own_name(self, lemma: Lemma, name: str) -> str:
        """The name under which the printed law knows a variable."""
        if isinstance(lemma.axiom, InverseAxiom):
            return str(readable(self.alphabet.variables_of((lemma.axiom.fact.letter,)))[name])
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
