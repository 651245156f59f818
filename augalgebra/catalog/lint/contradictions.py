"""What the laws of plugins prove together that nobody can have meant, and which of them follow from others.

Everything is reasoned with the completed presentation, never guessed from the form of a declaration, and bounded: what
takes too many steps is left out.
"""

import contextlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from augalgebra.algebra.laws import Law
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.rewriting.proofs import Proof
from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import IDENTITY, Symbol, Word
from augalgebra.catalog.catalog import Catalog
from augalgebra.catalog.lint.findings import Finding, finding
from augalgebra.errors import AugalgebraError

MOST_NAMED = 4
"""How many laws of a proof are named."""
_RULES, _LENGTH, _STEPS = 150, 12, 1_500  # far more than declarations need, and still over in a blink


class Contradictions:
    """Looks for contradictions in the laws of some plugins, with the laws of all others at hand.

    Args:
        catalog: The catalog they were loaded into.
        plugins: Names of the plugins whose laws are looked at.
    """

    def __init__(self, catalog: Catalog, plugins: Collection[str]) -> None:
        self._catalog, self._plugins = catalog, frozenset(plugins)
        # what a plugin says of others is not reasoned with elsewhere before it is checked; here it is what is looked at
        self._laws = tuple(replace(law, status="assumed") for law in catalog.laws if law.status != "violated")
        self._equations = tuple(law for law in self._laws if law.is_equation)
        self._systems: dict[Presentation, RewritingSystem] = {}
        self._identities: set[str] = set()
        self._mismatched: set[frozenset[str]] = set()
        self._own = [law for law in self._laws if self._plugin(law) in self._plugins]

    def findings(self) -> Iterator[Finding]:
        """What contradicts, and laws that say nothing; each kind once for each augmentation or law."""
        own = self._own
        mentioned = {symbol.name for law in own for symbol in law.symbols}
        names = [
            item.name
            for item in self._catalog.augmentations.values()
            if item.plugin in self._plugins or item.name in mentioned
        ]
        for name in names:
            yield from self._identity(name)
        for law in own:
            yield from self._period(law)
            yield from self._singular(law)
            yield from self._mutual(law)
            yield from self._unequal(law)
        for name in names:
            yield from self._twins(name)
        for law in own:
            yield from self._empty(law)

    def redundant(self) -> Iterator[Finding]:
        """Laws that follow from others, one finding for each owner; to be asked after `findings`."""
        if self._identities or self._mismatched:
            return  # from a contradiction too much follows
        for owner in dict.fromkeys(law.owner for law in self._own):
            yield from self._redundant(owner)

    def _identity(self, name: str) -> Iterator[Finding]:
        proof = self._proof(self._word(name), IDENTITY)
        if proof is None or any({len(law.lhs), len(law.rhs)} == {0, 1} for law in proof.laws):
            return
        self._identities.add(name)
        message = f"the laws prove that it does nothing: {self._named(proof.laws)}"
        yield from self._blame("AUG101", name, message, proof.laws)

    def _period(self, law: Law) -> Iterator[Finding]:
        symbols = law.lhs.symbols
        if law.kind not in ("period", "involutory") or len(symbols) != 1 or symbols[0].name in self._identities:
            return
        letter, declared = Word(((symbols[0], 1),)), len(law.lhs)
        # the least period divides every other
        for smaller in (count for count in range(2, declared) if not declared % count):
            proof = self._proof(letter**smaller, IDENTITY)
            if proof is not None:
                message = f"declared with period {declared}, but its period is {smaller}: {self._named(proof.laws)}"
                yield from self._blame("AUG102", symbols[0].name, message, (law, *proof.laws))
                return

    def _singular(self, law: Law) -> Iterator[Finding]:
        if law.kind != "singular":
            return
        with contextlib.suppress(AugalgebraError):
            found = self._system(law.lhs).exact.right_inverse(law.lhs)
            if found is not None:
                witness, proof = found
                name = law.lhs.symbols[0].name
                undone = self._catalog.display(law.lhs * witness)
                message = f"declared to have no inverse, but the laws prove {undone} = id: {self._named(proof.laws)}"
                yield from self._blame("AUG103", name, message, (law, *proof.laws))

    def _mutual(self, law: Law) -> Iterator[Finding]:
        pair = _inverse_pair(law)
        if pair is None or pair[0].name == pair[1].name:
            return
        first, second = pair
        for other in self._equations:
            answer = _inverse_pair(other)
            if answer is None or answer[0].name != second.name or answer[1].name == first.name:
                continue
            a, c = Word(((first, 1),)), Word(((answer[1], 1),))
            rest = [item for item in self._equations if item.owner not in (law.owner, other.owner)]
            equals = [item for item in self._equations if len(item.lhs) == len(item.rhs) == 1]
            if self._prove_with([*rest, *equals], a, c) is not None:
                continue
            self._mismatched.add(frozenset((first.name, answer[1].name)))
            shown = [self._catalog.display(symbol) for symbol in (first, second, answer[1])]
            says = "itself" if second.name == answer[1].name else shown[2]
            message = f"{shown[0]} calls {shown[1]} its inverse, but {shown[1]} calls {says} its own"
            yield from self._blame("AUG104", first.name, message, (law, other))

    def _unequal(self, law: Law) -> Iterator[Finding]:
        if law.kind != "unequal":
            return
        proof = self._proof(law.lhs, law.rhs)
        if proof is not None:
            by = f": {self._named(proof.laws)}" if proof.laws else ""
            message = f"the laws prove that both sides are equal{by}"
            yield from self._blame("AUG106", self._catalog.display(law), message, (law, *proof.laws))

    def _twins(self, name: str) -> Iterator[Finding]:
        if name in self._identities:
            return
        word = self._word(name)
        with contextlib.suppress(AugalgebraError):
            system = self._system(word).exact
            form = system.normal_form(word)
            for symbol in system.presentation.generators:
                other = Word(((symbol, 1),))
                plain = not symbol.args and symbol.name not in self._identities
                pair = frozenset((name, symbol.name))
                if not plain or len(pair) == 1 or pair in self._mismatched or system.normal_form(other) != form:
                    continue
                proof = self._proof(word, other)
                if proof is None or all(law.kind == "equals" or _renames(law) for law in proof.laws):
                    continue
                self._mismatched.add(pair)
                shown = self._catalog.display(other)
                message = f"the laws prove that it equals {shown}: {self._named(proof.laws)}"
                yield from self._blame("AUG105", name, message, proof.laws)

    def _empty(self, law: Law) -> Iterator[Finding]:
        if law.is_equation and law.lhs == law.rhs:
            own = law.kind == "commutes"
            message = "commuting with itself says nothing" if own else "both sides are the same word"
            yield from self._blame("AUG108", self._catalog.display(law), message, (law,))

    def _redundant(self, owner: str) -> Iterator[Finding]:
        """The laws of one owner that follow from others' laws and its own earlier ones."""
        own = [law for law in self._equations if law.owner == owner and law.lhs != law.rhs]
        near = Presentation.around((side for law in own for side in (law.lhs, law.rhs)), self._equations).laws
        known = [law for law in near if law.owner != owner]
        found: list[tuple[Law, Proof]] = []
        for law in own:
            sides = {law.lhs, law.rhs}  # that somebody else declares the very same is no reason to leave it out
            usable = [item for item in known if {item.lhs, item.rhs} != sides and item.scope in ("exact", law.scope)]
            proof = self._prove_with(usable, law.lhs, law.rhs)
            if proof is None:
                known.append(law)
            else:
                found.append((law, proof))
        if found:
            law, proof = found[0]
            more = f"; so do {len(found) - 1} more of its laws" if len(found) > 1 else ""
            message = f"{self._catalog.display(law)} follows from {self._named(proof.laws)}{more}"
            yield from self._blame("AUG107", owner, message, [law])

    def _word(self, name: str) -> Word:
        """An augmentation at any parameters."""
        return Word(((self._catalog.augmentations[name].bind(Symbol(name), universal=True), 1),))

    def _system(self, *words: Word, laws: Iterable[Law] | None = None) -> RewritingSystem:
        # no name is preferred, so that questions about different names can share one system
        around = Presentation.around(words, self._equations if laws is None else laws)
        presentation = replace(around, preferred=frozenset())
        if presentation not in self._systems:
            limits = {"max_rules": _RULES, "max_length": _LENGTH, "max_steps": _STEPS}
            self._systems[presentation] = complete(presentation, **limits)
        return self._systems[presentation]

    def _proof(self, first: Word, second: Word) -> Proof | None:
        """A proof by exact laws; approximate ones cannot contradict."""
        with contextlib.suppress(AugalgebraError):
            return self._system(first, second).exact.prove(first, second)
        return None

    def _prove_with(self, laws: Iterable[Law], first: Word, second: Word) -> Proof | None:
        with contextlib.suppress(AugalgebraError):
            return self._system(first, second, laws=laws).prove(first, second)
        return None

    def _plugin(self, law: Law) -> str:
        owner = self._catalog.augmentations.get(law.owner)
        return law.owner if owner is None else owner.plugin

    def _blame(self, code: str, subject: str, message: str, laws: Iterable[Law]) -> Iterator[Finding]:
        """One finding for each of the plugins looked at that is to blame.

        Where laws of several plugins meet, those are to blame that speak of the others' augmentations.
        """
        by_plugin: dict[str, set[str]] = {}
        for law in laws:
            about = {self._catalog.augmentations[symbol.name].plugin for symbol in law.symbols}
            by_plugin.setdefault(self._plugin(law), set()).update(about)
        bridging = [plugin for plugin, about in by_plugin.items() if about - {plugin}]
        blamed = bridging if len(by_plugin) > 1 and bridging else list(by_plugin)
        for plugin in blamed:
            if plugin in self._plugins:
                yield finding(code, plugin, subject, message)

    def _named(self, laws: Iterable[Law]) -> str:
        texts = list(dict.fromkeys(self._catalog.display(law) for law in laws))
        more = f" and {len(texts) - MOST_NAMED} more" if len(texts) > MOST_NAMED else ""
        return ", ".join(texts[:MOST_NAMED]) + more


def _inverse_pair(law: Law) -> tuple[Symbol, Symbol] | None:
    """The augmentation that declared its two-sided inverse to be one other, and that other."""
    letters = law.lhs.letters if law.kind in ("inverse", "involutory") else ()
    if len(letters) != 2 or law.rhs or any(letter.inverse for letter in letters):
        return None
    first, second = letters[0].symbol, letters[1].symbol
    return (first, second) if first.name == law.owner else None


def _renames(law: Law) -> bool:
    return len(law.lhs) == len(law.rhs) == 1
