"""The operators of one latent space whose codes are grids, by the element of the closure that they stand for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.errors import (
    AugalgebraError,
    FitError,
    GridMoveError,
    IncompleteError,
    MissingOperatorError,
    NotInvertibleError,
)
from augalgebra.operators.grids.moves import read_pixels
from augalgebra.operators.grids.operator import GridMap, GridOperator
from augalgebra.operators.provenance import Provenance, origin
from augalgebra.operators.provenance_table import ProvenanceTable


class GridCodes(Protocol):
    """What is needed of a latent space."""

    @property
    def channels(self) -> int:
        """Channels of a code."""

    @property
    def stride(self) -> int:
        """Pixels for each position of the grid."""

    def fingerprint(self) -> str:
        """A digest of the encoder."""


@dataclass(frozen=True, eq=False)
class GridEntry:
    """What is kept of one operator.

    Attributes:
        word: Its word, an element of the closure in normal form.
        map: Its map.
        provenance: Where it comes from.
    """

    word: Word
    map: GridMap
    provenance: Provenance


class MemberOf(Protocol):
    """A family of operators that differ in a parameter; see `augalgebra.operators.grids.families`."""

    @property
    def key(self) -> str:
        """Text for it, such as ``photometric.brightness(·)``."""

    def member(self, word: Word) -> GridMap | None:
        """The map of a word of one letter; None if it is no member."""

    def remarks(self, word: Word) -> tuple[str, ...]:
        """Why a member should not be trusted as much as others."""


@dataclass(frozen=True, eq=False)
class GridFamilyEntry:
    """What is kept of a family.

    Attributes:
        family: Its maps.
        provenance: Where it comes from; its word is the family's key.
    """

    family: MemberOf
    provenance: Provenance


class GridRegistry(ProvenanceTable[GridEntry, GridFamilyEntry]):
    """Maps words to operators on grids of codes.

    A word is simplified by the laws first. What is left is looked up as a whole, since each element of a closure has an
    operator of its own, so that no error adds up within a word; only where there is none it is spelt in fewest others.

    Args:
        channels: Channels of a code.
        stride: Pixels for each position of the grid.
        fingerprint: Digest of the encoder.
        catalog: Augmentations and their laws.

    Attributes:
        channels: Channels of a code.
        stride: Pixels for each position of the grid.
        fingerprint: Digest of the encoder.
        catalog: Augmentations and their laws.
        missing_hint: What to do about an augmentation without an operator, for messages; it takes its name.

    Examples:
        ::

            registry = load_grid_registry("operators.safetensors", space, catalog)
            moved = registry.operator("rotate_cw * flip_lr").apply(codes)
    """

    def __init__(self, channels: int, stride: int, fingerprint: str, catalog: Catalog) -> None:
        super().__init__(fingerprint, catalog)
        self.channels, self.stride = channels, stride
        self._operators: dict[Word, GridOperator] = {}

    @classmethod
    def of(cls, space: GridCodes, catalog: Catalog) -> "GridRegistry":
        """An empty registry for a latent space."""
        return cls(space.channels, space.stride, space.fingerprint(), catalog)

    @property
    def letters(self) -> tuple[Word, ...]:
        """The augmentations among them: words of one letter."""
        return tuple(word for word in self._entries if word.length == 1)

    def __contains__(self, word: str | Word) -> bool:
        try:
            return self._spelt(self.reduced(word)) is not None
        except NotInvertibleError:
            return False

    def add(self, entry: GridEntry | GridFamilyEntry, *, replace_existing: bool = True) -> None:
        """Keep an operator or a family.

        Raises:
            FitError: It is there already and may not be replaced.
        """
        if isinstance(entry, GridFamilyEntry):
            known, key = entry.family.key in self._families, entry.family.key
            if not known or replace_existing:
                self._families[key] = entry
        else:
            known, key = entry.word in self._entries, self.catalog.display(entry.word)
            if not known or replace_existing:
                self._entries[entry.word] = entry
        if known and not replace_existing:
            raise FitError(f"{key} has an operator already; remove it, or say that it may be replaced")
        self._forget()

    def operator(self, word: str | Word, *, reduce: bool = True) -> GridOperator:
        """The operator of a word.

        Args:
            word: The word; inverses in it are those of the laws.
            reduce: Whether the laws may simplify the word first. Without, the operators of its letters follow each
                other as they stand, which is what measures how well they fulfil the laws.

        Raises:
            MissingOperatorError: Neither the word nor its letters have operators.
            NotInvertibleError: The word undoes what no law can undo.
        """
        canonical = self.catalog.word(word)
        if not reduce:
            parts = [self.operator(Word.from_letters([letter])) for letter in canonical.letters]
            return self._joined(canonical, parts)
        if canonical not in self._operators:
            self._operators[canonical] = self._looked_up(canonical)
        return self._operators[canonical]

    def reduced(self, word: str | Word) -> Word:
        """The word of the operator that stands for a word, or the word itself as far as the laws simplify it.

        Raises:
            NotInvertibleError: The word undoes what no law can undo.
        """
        canonical = self.catalog.word(word)
        if canonical in self._entries:
            return canonical
        system = self._system(canonical)
        try:
            form = system.normal_form(canonical)
        except IncompleteError:
            return canonical
        return self._by_form(system).get(form, form)

    def _looked_up(self, canonical: Word) -> GridOperator:
        form = self.reduced(canonical)
        spelt = self._spelt(form)
        if spelt is None:
            raise self._missing(self._lacking(canonical), canonical)
        return self._joined(canonical, [self._single(part) for part in spelt])

    def _single(self, word: Word) -> GridOperator:
        entry = self._entries.get(word)
        label = self.catalog.display(word)
        if entry is not None:
            return GridOperator(self.channels, word, label, (entry.map,), self.staleness(entry))
        for family in self._families.values():
            found = family.family.member(word)
            if found is not None:
                reasons = self.staleness(family) + family.family.remarks(word)
                return GridOperator(self.channels, word, label, (found,), reasons)
        raise self._missing(word, word)

    def _joined(self, word: Word, parts: Iterable[GridOperator]) -> GridOperator:
        parts = list(parts)
        maps = tuple(item for part in parts for item in part.maps)
        stale = tuple(dict.fromkeys(reason for part in parts for reason in part.stale))
        return GridOperator(self.channels, word, self.catalog.display(word), maps, stale)

    def _spelt(self, form: Word) -> list[Word] | None:
        """The fewest words with operators whose product is a word; None if there are none."""
        letters = form.letters
        best: list[list[Word] | None] = [[]]
        for end in range(1, len(letters) + 1):
            ways = []
            for start in range(end):
                before = best[start]
                if before is not None:
                    part = self.reduced(Word.from_letters(letters[start:end]))
                    if self._has(part):
                        ways.append([*before, *([part] if part else [])])
            best.append(min(ways, key=len, default=None))
        return best[-1]

    def _has(self, word: Word) -> bool:
        if not word or word in self._entries:
            return True
        return any(item.family.member(word) is not None for item in self._families.values())

    def _system(self, *words: Word) -> RewritingSystem:
        return self.catalog.system(*words, *self._entries)

    def _by_form(self, system: RewritingSystem) -> dict[Word, Word]:
        """The words that have operators, by their normal forms."""
        return {system.normal_form(word): word for word in self._entries} | {Word(): Word()}

    def _missing(self, lacking: Word, asked: Word) -> MissingOperatorError:
        """As for every registry; of a move of pixels that is none of the grid it also says which moves are."""
        error = super()._missing(lacking, asked)
        try:
            pixels = read_pixels(self.catalog, lacking, self.stride)
        except AugalgebraError:  # it does more than move pixels
            return error
        try:
            pixels.divided(self.stride)
        except GridMoveError as forbidden:
            return MissingOperatorError(f"{error} ({forbidden}, and for others a kernel has to be fitted)")
        return error

    def _lacking(self, asked: Word) -> Word:
        """The first letter of a word without an operator, or the word itself."""
        letters = (Word.from_letters([letter]) for letter in asked.letters)
        return next((letter for letter in letters if not self._covers(letter)), asked)

    def _forget(self) -> None:
        super()._forget()
        self._operators.clear()

    def _covers(self, letter: Word) -> bool:
        try:
            return self._has(self.reduced(letter))
        except NotInvertibleError:
            return False

    def entry_for(self, map: GridMap, word: Word, fit: str, **measured: Any) -> GridEntry:  # noqa: A002
        """An entry with its provenance, not added yet.

        Args:
            map: The map.
            word: The word, in normal form.
            fit: Name of the fit.
            measured: Further fields of `augalgebra.operators.Provenance`.
        """
        return GridEntry(word, map, self.provenance(str(word), word, fit, **measured))

    def provenance(self, key: str, word: Word, fit: str, **measured: Any) -> Provenance:
        """Where an operator comes from that is fitted now; of several letters, what the first one comes from."""
        name = word.letters[0].symbol.name
        where = origin(self.catalog, name)
        return Provenance(key, name, where.plugin, where.version, where.laws, self.fingerprint, fit, **measured)

    def elements(self, generators: Iterable[str | Word], bound: int = 192) -> tuple[Word, ...]:
        """The closure of some augmentations, each element in normal form, the identity first.

        Raises:
            FitError: By the exact laws they generate more than `bound` elements.
        """
        words = [self.catalog.word(word) for word in generators]
        table = queries.cayley_table(self.catalog.system(*words).exact, words, bound)
        if not table.complete:
            shown = ", ".join(self.catalog.display(word) for word in words)
            raise FitError(f"{shown} generate no finite set of at most {bound} elements by the exact laws")
        return table.elements
