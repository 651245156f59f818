"""A table of operators by word: looking up, simplifying, multiplying, and knowing what has gone stale."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import Letter, Word, product
from augalgebra.catalog import Catalog
from augalgebra.errors import IncompleteError, NotInvertibleError
from augalgebra.operators.families import Family, FamilyOperator
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.charts import Chart
from augalgebra.operators.fits.choice import exact_period
from augalgebra.operators.operator import Factor, Operator, Readout
from augalgebra.operators.provenance import Provenance
from augalgebra.operators.provenance_table import ProvenanceTable

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


class OperatorTable(ProvenanceTable[Entry, FamilyEntry]):
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
        super().__init__(fingerprint, catalog)
        self.dim = dim
        self._operators: dict[tuple[str | Word, bool], Operator] = {}

    def add(self, entry: Entry | FamilyEntry) -> None:
        """Keep an operator or a family, in place of what was kept under the same word."""
        if isinstance(entry, FamilyEntry):
            self._families[entry.family.key] = entry
        else:
            self._entries[entry.word] = entry
        self._forget()

    def __contains__(self, word: str | Word) -> bool:
        return all(self._find(letter) is not None for letter in self.catalog.word(word).letters)

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
        if reduce and (word, readout) in self._operators:  # as it was asked for before: nothing to read or to bind
            return self._operators[word, readout]
        canonical = self.catalog.word(word)
        if not canonical:
            return Operator.identity(self.dim, self)
        if not reduce:
            return self._multiplied(canonical, canonical, readout=readout)
        if (canonical, readout) not in self._operators:
            self._operators[canonical, readout] = self._multiplied(canonical, self.reduced(canonical), readout=readout)
        found = self._operators[word, readout] = self._operators[canonical, readout]
        return found

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
                raise self._missing(Word(((letter.symbol, 1),)), asked)
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

    def _forget(self) -> None:
        super()._forget()
        self._operators.clear()


def _letters(word: Word) -> Iterator[Word]:
    yield from (Word(((symbol, 1),)) for symbol in word.symbols)


def _spellings(system: RewritingSystem, letters: Sequence[Word]) -> dict[Word, Word]:
    """The shortest product of some letters for each normal form they reach."""
    reached = queries.cayley_table(system, letters, SEARCH)
    spellings: dict[Word, Word] = {}
    for element in reached.elements:
        spellings.setdefault(system.normal_form(element), element)
    return spellings
