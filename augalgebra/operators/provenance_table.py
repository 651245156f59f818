"""What tables of operators of every kind share: entries by word, families by key, and knowing what has gone stale."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.errors import MissingOperatorError, StaleOperatorError, nearest
from augalgebra.operators.provenance import Provenance, staleness


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


class _Entry(Protocol):
    @property
    def word(self) -> Word: ...

    @property
    def provenance(self) -> Provenance: ...


class _FamilyEntry(Protocol):
    @property
    def family(self) -> _Keyed: ...

    @property
    def provenance(self) -> Provenance: ...


EntryT = TypeVar("EntryT", bound=_Entry)
FamilyT = TypeVar("FamilyT", bound=_FamilyEntry)


class ProvenanceTable(ABC, Generic[EntryT, FamilyT]):
    """Operators of one latent space by word, and families of them by key, with where each comes from.

    Args:
        fingerprint: Digest of the encoder.
        catalog: Augmentations and their laws.

    Attributes:
        fingerprint: Digest of the encoder.
        catalog: Augmentations and their laws.
        missing_hint: What to do about an augmentation without an operator, for messages; it takes
            the augmentation's name.
    """

    def __init__(self, fingerprint: str, catalog: Catalog) -> None:
        self.fingerprint, self.catalog = fingerprint, catalog
        self.missing_hint: Callable[[str], str] = _encode_and_fit
        self._entries: dict[Word, EntryT] = {}
        self._families: dict[str, FamilyT] = {}
        self._stale: dict[str, tuple[str, ...]] = {}

    @property
    def entries(self) -> Mapping[Word, EntryT]:
        """What is kept of each operator, by its word."""
        return MappingProxyType(self._entries)

    @property
    def families(self) -> Mapping[str, FamilyT]:
        """What is kept of each family, by its key."""
        return MappingProxyType(self._families)

    @property
    def words(self) -> tuple[Word, ...]:
        """The words that have an operator of their own."""
        return tuple(self._entries)

    def __len__(self) -> int:
        return len(self._entries) + len(self._families)

    def remove(self, word: str | Word) -> None:
        """Forget the operator of a word, or a family by its key.

        Raises:
            MissingOperatorError: There is none.
        """
        if isinstance(word, str) and word in self._families:
            del self._families[word]
        else:
            # the augmentation of an operator that is kept may be gone
            canonical = word if isinstance(word, Word) and word in self._entries else self.catalog.word(word)
            if canonical not in self._entries:
                raise self._missing(canonical, canonical)
            del self._entries[canonical]
        self._forget()

    def staleness(self, entry: EntryT | FamilyT) -> tuple[str, ...]:
        """Why an operator should not be trusted any more; nothing if it should."""
        key = entry.provenance.word
        if key not in self._stale:
            self._stale[key] = staleness(entry.provenance, self.catalog, self.fingerprint)
        return self._stale[key]

    def stale(self) -> dict[str, tuple[str, ...]]:
        """The operators that should not be trusted any more, with the reasons."""
        return {entry.provenance.word: why for entry in self._everything() if (why := self.staleness(entry))}

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
        return [
            entry.provenance.to_dict() | {"r2": entry.provenance.r2, "stale": list(self.staleness(entry))}
            for entry in self._everything()
        ]

    @abstractmethod
    def _forget(self) -> None:
        """Forget what was made of entries that have changed."""
        self._stale.clear()

    def _everything(self) -> list[EntryT | FamilyT]:
        return [*self._entries.values(), *self._families.values()]

    def _missing(self, lacking: Word, asked: Word) -> MissingOperatorError:
        """What to raise where a part of a word has no operator."""
        name = self.catalog.display(lacking)
        there = [self.catalog.display(word) for word in self._entries] + list(self._families)
        message = f"this latent space has no operator for {name}"
        if len(asked) > 1 and lacking != asked:
            message += f" (in {self.catalog.display(asked)})"
        message += f"; it has {', '.join(there)}" if there else "; it has none yet"
        near = nearest(name, there, 1)
        if near and near[0] != name:
            message += f"; did you mean {near[0]}?"
        return MissingOperatorError(f"{message}; {self.missing_hint(name)}")


def _encode_and_fit(name: str) -> str:
    return f"to add one, encode images before and after {name} and fit it to them"
