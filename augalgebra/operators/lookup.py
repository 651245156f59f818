"""A table of operators by word: looking up, simplifying, multiplying, and knowing what has gone stale."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import Letter, Word, product
from augalgebra.catalog import Catalog
from augalgebra.errors import IncompleteError, MissingOperatorError, NotInvertibleError, StaleOperatorError, nearest
from augalgebra.operators.families import Family, FamilyOperator
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.charts import Chart
from augalgebra.operators.fits.choice import exact_period
from augalgebra.operators.operator import Factor, Operator, Readout
from augalgebra.operators.provenance import Provenance, staleness

SEARCH = 64
"""Most products of operators that are tried when a word is written in letters that have none."""


@dataclass(frozen=True, eq=False)
class Entry:
    """What is kept of one operator.

    Attributes:
        word: Its word, of one letter.
        map: Its map, readout aside.
        provenance: Where it comes from.
        readout: What follows it once in every word.
        chart: The coordinates in which it is this map; None for those of the latent space itself.
    """

    word: Word
    map: AffineMap
    provenance: Provenance
    readout: Readout | None = None
    chart: Chart | None = None

    @property
    def own_operator(self) -> Operator:
        """The operator without its readout."""
        factor = Factor(self.map, str(self.word), chart=self.chart)
        return Operator(self.map.dim, (factor,), self.word, str(self.word))


@dataclass(frozen=True, eq=False)
class FamilyEntry:
    """What is kept of a one-parameter family.

    Attributes:
        family: Which symbols belong to it.
        operator: Their maps.
        provenance: Where it comes from; its word is the family's key.
    """

    family: Family
    operator: FamilyOperator
    provenance: Provenance


class OperatorTable:
    """Maps words to operators of one latent space.

    A word is simplified by the laws first, so that equal words have one operator and an identity costs nothing; its
    letters are then looked up, or resolved through a one-parameter family, and multiplied lazily.

    Args:
        dim: Number of latent coordinates.
        fingerprint: Digest of the encoder.
        catalog: Augmentations and their laws.

    Attributes:
        dim: Number of latent coordinates.
        fingerprint: Digest of the encoder.
        catalog: Augmentations and their laws.
        missing_hint: What to do about an augmentation without an operator, for messages; it takes
            the augmentation's name.
    """

    def __init__(self, dim: int, fingerprint: str, catalog: Catalog) -> None:
        self.dim, self.fingerprint, self.catalog = dim, fingerprint, catalog
        self.missing_hint: Callable[[str], str] = _encode_and_fit
        self._entries: dict[Word, Entry] = {}
        self._families: dict[str, FamilyEntry] = {}
        self._operators: dict[tuple[Word, bool], Operator] = {}
        self._stale: dict[str, tuple[str, ...]] = {}

    @property
    def entries(self) -> Mapping[Word, Entry]:
        """What is kept of each operator, by its word of one letter."""
        return MappingProxyType(self._entries)

    @property
    def families(self) -> Mapping[str, FamilyEntry]:
        """What is kept of each one-parameter family, by its key."""
        return MappingProxyType(self._families)

    def add(self, entry: Entry | FamilyEntry) -> None:
        """Keep an operator or a family, in place of what was kept under the same word."""
        if isinstance(entry, FamilyEntry):
            self._families[entry.family.key] = entry
        else:
            self._entries[entry.word] = entry
        self._operators.clear()
        self._stale.clear()

    def remove(self, word: str | Word) -> None:
        """Forget the operator of a word of one letter, or a family by its key.

        Raises:
            MissingOperatorError: There is none.
        """
        if isinstance(word, str) and word in self._families:
            del self._families[word]
        else:
            # the augmentation of an operator that is kept may be gone
            canonical = word if isinstance(word, Word) and word in self._entries else self.catalog.word(word)
            if canonical not in self._entries:
                raise self._missing(next(iter(canonical.letters)), canonical)
            del self._entries[canonical]
        self._operators.clear()
        self._stale.clear()

    def __len__(self) -> int:
        return len(self.entries) + len(self.families)

    def __contains__(self, word: str | Word) -> bool:
        return all(self._find(letter) is not None for letter in self.catalog.word(word).letters)

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of one letter that have an operator of their own."""
        return tuple(self.entries)

    def operator(self, word: str | Word, *, reduce: bool = True, readout: bool = True) -> Operator:
        """The operator of a word.

        Args:
            word: The word; inverses in it are those of the laws where they give one, else of the matrices.
            reduce: Whether the laws may simplify the word first. Without, its letters are multiplied as they stand,
                which is what measures how well the operators fulfil the laws.
            readout: Whether readouts are applied.

        Raises:
            MissingOperatorError: A letter has no operator, nor is the word equal to one whose letters have.
            NotInvertibleError: The word undoes what a law or a measurement says cannot be undone.
        """
        canonical = self.catalog.word(word)
        if not canonical:
            return Operator.identity(self.dim, self)
        if not reduce:
            return self._multiplied(canonical, canonical, readout=readout)
        if (canonical, readout) not in self._operators:
            self._operators[canonical, readout] = self._multiplied(canonical, self.reduced(canonical), readout=readout)
        return self._operators[canonical, readout]

    def reduced(self, word: str | Word) -> Word:
        """The shortest equal word in letters that have operators, as far as the laws give one; else the word itself."""
        canonical = self.catalog.word(word)
        if canonical.length == 1 and self._has(canonical) and not canonical.letters[0].inverse:
            return canonical
        try:
            canonical = self._by_inverses(canonical)
            own = tuple(_letters(canonical)) if self._has(canonical) else self._periodic()
            system = self.catalog.system(canonical, *own)
            form = system.normal_form(canonical)
            if self._has(form):
                return form
            return _spellings(system, own).get(form, canonical)
        except (NotInvertibleError, IncompleteError):
            return canonical

    def _by_inverses(self, word: Word) -> Word:
        """The word with letters that have no operator replaced by the inverses of words that have."""
        powers: list[Word] = []
        for symbol, exponent in word.syllables:
            letter = Word(((symbol, 1),))
            if not self._has(letter):
                inverse = queries.inverse(self.catalog.system(letter), letter)
                if inverse.kind == "two-sided" and inverse.word is not None and self._has(inverse.word):
                    letter = ~inverse.word
            powers.append(letter**exponent)
        return product(powers)

    def _periodic(self) -> tuple[Word, ...]:
        """The operators that only few words can be spelt with."""
        return tuple(word for word in self.words if exact_period(self.catalog, word) is not None)

    def _multiplied(self, asked: Word, word: Word, *, readout: bool) -> Operator:
        if not word:
            return replace(Operator.identity(self.dim, self), word=asked, label=self.catalog.display(asked))
        factors = []
        stale: dict[str, None] = {}
        for letter in word.letters:
            entry = self._find(letter)
            if entry is None:
                raise self._missing(letter, asked)
            stale.update(dict.fromkeys(self.staleness(entry)))
            factors.append(self._factor(letter, entry, readout=readout))
        return Operator(self.dim, tuple(factors), asked, self.catalog.display(asked), self, tuple(stale))

    def _factor(self, letter: Letter, entry: Entry | FamilyEntry, *, readout: bool) -> Factor:
        label = self.catalog.display(letter.symbol)
        if isinstance(entry, FamilyEntry):
            factor = Factor(entry.operator(entry.family.parameter(letter.symbol) or 0.0), label)
        else:
            factor = Factor(entry.map, label, entry.readout if readout else None, entry.chart)
        if not letter.inverse:
            return factor
        word = Word(((letter.symbol, 1),))
        inverse = queries.inverse(self.catalog.system(word), word)
        if inverse.kind == "none":
            raise NotInvertibleError(f"{label} has no inverse: {inverse.reason}")
        if inverse.kind in ("left", "right"):
            raise NotInvertibleError(f"{label} has only a {inverse.kind} inverse: {inverse.reason}")
        return factor.inverse()

    def _find(self, letter: Letter) -> Entry | FamilyEntry | None:
        own = self.entries.get(Word(((letter.symbol, 1),)))
        if own is not None:
            return own
        return next((item for item in self.families.values() if item.family.parameter(letter.symbol) is not None), None)

    def _has(self, word: Word) -> bool:
        return all(self._find(letter) is not None for letter in word.letters)

    def _missing(self, letter: Letter, asked: Word) -> MissingOperatorError:
        name = self.catalog.display(letter.symbol)
        there = [self.catalog.display(word) for word in self.entries] + list(self.families)
        message = f"this latent space has no operator for {name}"
        if len(asked) > 1:
            message += f" (in {self.catalog.display(asked)})"
        message += f"; it has {', '.join(there)}" if there else "; it has none yet"
        near = nearest(name, there, 1)
        if near and near[0] != name:
            message += f"; did you mean {near[0]}?"
        return MissingOperatorError(f"{message}; {self.missing_hint(name)}")

    def staleness(self, entry: Entry | FamilyEntry) -> tuple[str, ...]:
        """Why an operator should not be trusted any more; nothing if it should."""
        key = entry.provenance.word
        if key not in self._stale:
            self._stale[key] = staleness(entry.provenance, self.catalog, self.fingerprint)
        return self._stale[key]

    def stale(self) -> dict[str, tuple[str, ...]]:
        """The operators that should not be trusted any more, with the reasons."""
        everything: Sequence[Entry | FamilyEntry] = [*self.entries.values(), *self.families.values()]
        return {entry.provenance.word: why for entry in everything if (why := self.staleness(entry))}

    def require_fresh(self) -> None:
        """Raise if anything is stale.

        Raises:
            StaleOperatorError: Naming every reason.
        """
        found = self.stale()
        if found:
            reasons = dict.fromkeys(reason for reasons in found.values() for reason in reasons)
            raise StaleOperatorError(f"{'; '.join(reasons)}; fit {', '.join(found)} again")

    def to_dict(self) -> list[dict[str, Any]]:
        """Provenance and staleness of every operator, fit for JSON."""
        everything: Sequence[Entry | FamilyEntry] = [*self.entries.values(), *self.families.values()]
        return [
            entry.provenance.to_dict() | {"r2": entry.provenance.r2, "stale": list(self.staleness(entry))}
            for entry in everything
        ]


def _letters(word: Word) -> Iterator[Word]:
    yield from (Word(((symbol, 1),)) for symbol in word.symbols)


def _spellings(system: RewritingSystem, letters: Sequence[Word]) -> dict[Word, Word]:
    """The shortest product of some letters for each normal form they reach."""
    reached = queries.cayley_table(system, letters, SEARCH)
    spellings: dict[Word, Word] = {}
    for element in reached.elements:
        spellings.setdefault(system.normal_form(element), element)
    return spellings


def _encode_and_fit(name: str) -> str:
    return f"to add one, encode images before and after {name} and fit it to them"
