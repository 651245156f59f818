"""Presentations: the generators in play and the laws between them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from augalgebra.algebra.conditions import ALWAYS, Conditions
from augalgebra.algebra.expressions import Value
from augalgebra.algebra.laws import Law
from augalgebra.algebra.specialisation import Place, passive_values
from augalgebra.algebra.unification import match_letters
from augalgebra.algebra.words import Letter, Symbol, Word


@dataclass(frozen=True)
class Presentation:
    """A monoid given by generators and laws.

    Attributes:
        generators: The symbols in play; a family that some law mentions in general has no single symbol here.
        laws: What is known about them. Violated laws may be among them and are never reasoned with.
        preferred: Names that normal forms use rather than others of the same length.
        passive: Values to which parameters that laws only pass on are restricted; words with other values can be
            asked about, but are not recognised as equal.

    Examples:
        >>> from augalgebra.algebra.laws import parse_law
        >>> laws = [parse_law("s * s = id"), parse_law("r^4 = id"), parse_law("s * r * s = r^-1")]
        >>> [str(symbol) for symbol in Presentation.of(laws).generators]
        ['r', 's']
    """

    generators: tuple[Symbol, ...]
    laws: tuple[Law, ...]
    preferred: frozenset[str] = frozenset()
    passive: Mapping[Place, tuple[Value, ...]] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, laws: Iterable[Law]) -> "Presentation":
        """The presentation by these laws, with the generators that they mention."""
        laws = tuple(laws)
        return cls(_sorted(symbol for law in laws for symbol in law.symbols if not symbol.variables), laws)

    @classmethod
    def around(cls, words: Iterable[Word], laws: Iterable[Law]) -> "Presentation":
        """The part of all laws that can matter for questions about some words.

        In play are the names in the words and, transitively, plain names linked to them: by a law that says what word a
        plain name equals, that a product is the identity, or that a product of names in play is a word in others. An
        alias (a name declared to equal one other plain name) is in play only if it is asked about. A family is in play
        if the words mention it, if a name they mention is defined by its members alone, if its members are those of a
        family in play, or if a law says what a family in play becomes when it is exchanged with a plain name
        (``shear_x(a) * rotate_cw = rotate_cw * shear_y(-a)``). Commutations pull nothing in.

        Args:
            words: The words that will be asked about.
            laws: All laws there are.
        """
        words = tuple(words)
        usable = tuple(law for law in laws if law.counts)
        asked = {symbol.name for word in words for symbol in word.symbols}
        linking = [law for law in usable if _defines(law) or _exchanges(law) or _joins(law) or _renames(law)]
        in_play = asked | _families_behind(asked, linking)
        waiting = [(law, _names(law)) for law in linking]
        grown = True
        while grown:
            grown, still = False, []
            for law, names in waiting:
                if _reaches(law, names, in_play):
                    grown = grown or not names <= in_play
                    in_play |= names
                else:
                    still.append((law, names))
            waiting = still
        kept = tuple(law for law in usable if _names(law) <= in_play)
        mentioned = (symbol for law in kept for symbol in law.symbols if not symbol.variables)
        asked_symbols = (symbol for word in words for symbol in word.symbols)
        generators = _sorted((*asked_symbols, *mentioned))
        passive = passive_values(words, (law for law in kept if law.is_equation))
        return cls(generators, kept, frozenset(asked), passive)

    @cached_property
    def equations(self) -> tuple[Law, ...]:
        """The laws that are reasoned with."""
        return tuple(law for law in self.laws if law.counts and law.is_equation)

    @cached_property
    def singular(self) -> tuple[Law, ...]:
        """The laws that say that something has no inverse."""
        return tuple(law for law in self.laws if law.counts and law.kind == "singular")

    @cached_property
    def defined(self) -> frozenset[str]:
        """Plain names that are declared to equal a word in others."""
        return frozenset(
            law.lhs.syllables[0][0].name for law in self.equations if law.kind == "equals" and _is_plain(law.lhs)
        )

    @cached_property
    def keeping(self) -> tuple[Law, ...]:
        """The laws that say what conditions of pictures an augmentation keeps."""
        kept = (law for law in self.laws if law.counts and law.kind == "keeps")
        return tuple(law for law in kept if len(law.lhs) == 1)

    def obstacle(self, symbol: Symbol) -> Law | None:
        """A law that speaks against an inverse of this symbol: a singular one, or else idempotence."""
        for law in (*self.singular, *(law for law in self.equations if law.kind == "idempotent")):
            about = law.lhs if law.kind == "singular" else law.rhs
            if len(about) == 1 and match_letters(about.letters, [Letter(symbol)]) is not None:
                return law
        return None

    def exact_only(self) -> "Presentation":
        """The same without the laws that hold approximately, or not for every picture."""
        return self.limited_to("exact", ALWAYS)

    def limited_to(self, scope: Literal["exact", "approximate"], conditions: Conditions) -> "Presentation":
        """The same without equations that need more than some conditions, or (for ``exact``) hold approximately."""
        kept = (
            law
            for law in self.laws
            if not law.is_equation or (law.scope in ("exact", scope) and law.conditions <= conditions)
        )
        return replace(self, laws=tuple(kept))


def _defines(law: Law) -> bool:
    """Whether a law ties a plain name to a word so that one may stand for the other."""
    if not law.is_equation:
        return False
    if len(law.lhs) < len(law.rhs):
        law = replace(law, lhs=law.rhs, rhs=law.lhs)
    if not law.rhs:
        return len(law.lhs) == 2 and len(law.lhs.symbols) == 2
    if len(law.lhs) == len(law.rhs) == 1:
        return _is_plain(law.lhs) or _is_plain(law.rhs)
    return _is_plain(law.rhs) and law.rhs.symbols[0] not in law.lhs.symbols


def _exchanges(law: Law) -> bool:
    """Whether a law exchanges a member of one family with a plain name, making it a member of another."""
    if len(law.lhs) != 2 or len(law.rhs) != 2 or not law.is_equation:
        return False
    sides = [{symbol.name for symbol in side.symbols if not _is_bare(symbol)} for side in (law.lhs, law.rhs)]
    plain = [{symbol for symbol in side.symbols if _is_bare(symbol)} for side in (law.lhs, law.rhs)]
    return [len(side) for side in sides] == [1, 1] and sides[0] != sides[1] and plain[0] == plain[1] != set()


def _joins(law: Law) -> bool:
    """Whether a law says that a product of plain names is the identity, or a word in other plain names."""
    if not law.is_equation or _families(law):
        return False
    first, second = ({symbol.name for symbol in side.symbols} for side in (law.lhs, law.rhs))
    return len(first | second) > 1 and first.isdisjoint(second)


def _renames(law: Law) -> bool:
    """Whether a law says that members of one family are members of another."""
    return law.is_equation and len(law.lhs) == len(law.rhs) == 1 and len(_families(law)) == 2


def _reaches(law: Law, names: frozenset[str], in_play: set[str]) -> bool:
    """Whether a law brings its other names into play."""
    if _exchanges(law):
        return len(names - in_play) == 1 and names - in_play <= _families(law)
    if _renames(law):
        return not names.isdisjoint(in_play)
    if not _defines(law):  # a product: it leads to other names where a whole side of it may stand
        sides = [{symbol.name for symbol in side.symbols} for side in (law.lhs, law.rhs)]
        return any(side <= in_play for side in sides if side) or (not all(sides) and not names.isdisjoint(in_play))
    if names.isdisjoint(in_play) or any(name not in in_play for name in _families(law)):
        return False
    alias = len(law.lhs) == len(law.rhs) == 1 and _is_plain(law.lhs) and _is_plain(law.rhs)
    return not alias or law.lhs.symbols[0].name in in_play


def _families_behind(asked: set[str], linking: Iterable[Law]) -> set[str]:
    """The families by whose members alone some asked name is defined."""
    linking = tuple(linking)
    found: set[str] = set()
    for name in sorted(asked):
        definitions = [law for law in linking if _defines(law) and name in _names(law)]
        families = [_families(law) for law in definitions]
        if definitions and all(families):
            found.update(*families)
    return found


def _names(law: Law) -> frozenset[str]:
    return frozenset(symbol.name for symbol in law.symbols)


def _families(law: Law) -> set[str]:
    return {symbol.name for symbol in law.symbols if not _is_bare(symbol)}


def _is_bare(symbol: Symbol) -> bool:
    return not (symbol.args or symbol.kwargs)


def _is_plain(word: Word) -> bool:
    if word.length != 1:
        return False
    ((symbol, exponent),) = word.syllables
    return exponent == 1 and not (symbol.args or symbol.kwargs)


def _sorted(symbols: Iterable[Symbol]) -> tuple[Symbol, ...]:
    def distinct() -> Iterator[Symbol]:
        yield from dict.fromkeys(symbols)

    return tuple(sorted(distinct(), key=str))
