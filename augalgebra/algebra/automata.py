"""Many words reduced at once: steps in a table of products instead of rewriting."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import IDENTITY, MAX_LETTERS, Letter, Symbol, Word
from augalgebra.errors import AugalgebraError, IncompleteError

Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

CHUNK = 8192
"""Words that are walked through together: few enough that they stay in the processor's cache."""
MAX_ELEMENTS = 10_000


@dataclass(frozen=True, eq=False)
class CayleyAutomaton:
    """Reduces many words in a few letters at once, where these generate finitely many elements.

    Each letter of a word is one step from element to element, as the right Cayley graph has it (Epstein et al., *Word
    processing in groups*, 1992, chapter 2). Where it ends, the normal form stands ready.

    Attributes:
        letters: The letters; the numbers of letters in arrays begin with 1, and 0 stands for none.
        forms: The normal form of each element; the identity comes first.

    Examples:
        >>> from augalgebra.algebra.laws import parse_law
        >>> from augalgebra.algebra.parsing import parse_word
        >>> from augalgebra.algebra.presentation import Presentation
        >>> from augalgebra.algebra.rewriting.completion import complete
        >>> laws = [parse_law("s * s = id"), parse_law("r^4 = id"), parse_law("s * r * s = r^-1")]
        >>> automaton = CayleyAutomaton.of(complete(Presentation.of(laws)), [parse_word("s"), parse_word("r")])
        >>> [str(word) for word in automaton.reduce(map(parse_word, ["r^2 * s * r", "s * r^-1 * s * r^-1"]))]
        ['r * s', 'id']
    """

    letters: tuple[Letter, ...]
    forms: tuple[Word, ...]
    _steps: Numbers = field(repr=False)  # at e (letters + 1) + n, for element e and letter n; values alike

    @classmethod
    def of(
        cls, system: RewritingSystem, generators: Sequence[Word], max_elements: int = MAX_ELEMENTS
    ) -> "CayleyAutomaton":
        """The automaton of what some letters generate; formal inverses of those that have one come with them.

        Args:
            system: The laws.
            generators: Words of one letter.
            max_elements: Where to stop.

        Raises:
            AugalgebraError: A generator is no single letter.
            IncompleteError: There are more elements, or the laws do not decide which words are equal.
            NotInvertibleError: A generator is the inverse of a symbol that is not known to be invertible.
        """
        longer = next((word for word in generators if word.length != 1), None)
        if longer is not None:
            raise AugalgebraError(f"{longer} is no single letter; give the letters that it is made of")
        if not system.decides(*generators):
            reason = system.reason or "the laws do not speak of all values of their parameters"
            raise IncompleteError(f"normal forms do not decide which words are equal here: {reason}; reduce one by one")
        symbols = dict.fromkeys(letter.symbol for word in generators for letter in word.letters)
        letters = [letter for word in generators for letter in word.letters]
        letters += [
            Letter(symbol, inverse) for symbol in symbols for inverse in (False, True) if system.is_invertible(symbol)
        ]
        letters = list(dict.fromkeys(letters))
        steps = [Word.from_letters([letter]) for letter in letters]
        forms, numbers, rows = [IDENTITY], {IDENTITY: 0}, list[list[int]]()
        for form in forms:  # which grows
            row = [numbers[form]]
            for step in steps:
                product = system.normal_form(form * step)
                if product not in numbers:
                    if len(forms) == max_elements:
                        shown = ", ".join(map(str, generators))
                        raise IncompleteError(f"{shown} generate more than {max_elements} elements; reduce one by one")
                    numbers[product] = len(forms)
                    forms.append(product)
                row.append(numbers[product])
            rows.append(row)
        width = len(letters) + 1
        return cls(tuple(letters), tuple(forms), np.array(rows, dtype=np.int64).reshape(-1) * width)

    def __len__(self) -> int:
        return len(self.forms)

    def encode(self, words: Sequence[Word]) -> Numbers:
        """The numbers of the letters of words, ``[word, letter]``; 0 follows the end of a short word.

        Raises:
            AugalgebraError: A letter is none of the automaton's, or a word has more than `MAX_LETTERS`.
        """
        known = {(symbol, inverse): number for number, (symbol, inverse) in enumerate(self.letters, start=1)}
        lengths = np.array([word.length for word in words], dtype=np.int64)
        longest = int(lengths.max(initial=0))
        if longest > MAX_LETTERS:
            raise AugalgebraError(f"a word has {longest} letters; at most {MAX_LETTERS} can be spelt out")
        flat: list[int] = []
        for word in words:
            for symbol, exponent in word.syllables:
                number = known.get((symbol, exponent < 0))
                if number is None:
                    self._refuse(symbol, exponent < 0)
                elif exponent in (1, -1):
                    flat.append(number)
                else:
                    flat += repeat(number, abs(exponent))
        numbers = np.zeros((len(words), longest), dtype=np.int64)
        numbers[np.arange(longest) < lengths[:, None]] = flat
        return numbers

    def walk(self, numbers: npt.NDArray[np.integer[Any]]) -> Numbers:
        """The elements that words stand for.

        Args:
            numbers: Numbers of letters ``[word, letter]``, of any whole type; see `encode`.

        Returns:
            ``[word]``: positions in `forms`.

        Raises:
            AugalgebraError: The array has another shape or type, or numbers of no letter.
        """
        if numbers.ndim != 2 or numbers.dtype.kind not in "iu":
            raise AugalgebraError(f"expected whole numbers [word, letter], not {numbers.dtype} {list(numbers.shape)}")
        width = len(self.letters) + 1
        if numbers.size and not 0 <= int(numbers.min()) <= int(numbers.max()) < width:
            raise AugalgebraError(
                f"numbers of letters are 0 (none) to {len(self.letters)} here, not {numbers.min()} to {numbers.max()}"
            )
        reached = np.zeros(len(numbers), dtype=np.int64)
        for start in range(0, len(numbers), CHUNK):
            columns = np.ascontiguousarray(numbers[start : start + CHUNK].T, dtype=np.int64)
            places = reached[start : start + CHUNK]
            for column in columns:
                column += places
                np.take(self._steps, column, out=places, mode="clip")  # without a copy; the numbers are in range
        return reached // width

    def reduce(self, words: Iterable[Word]) -> list[Word]:
        """The normal forms of words, as `RewritingSystem.normal_form` gives them.

        Raises:
            AugalgebraError: A letter is none of the automaton's, or a word has more than `MAX_LETTERS`.
        """
        remaining, found = iter(words), list[Word]()
        while chunk := list(islice(remaining, CHUNK)):
            found += map(self.forms.__getitem__, self.walk(self.encode(chunk)).tolist())
        return found

    def _refuse(self, symbol: Symbol, inverse: bool) -> None:
        known = ", ".join(map(str, self.letters))
        raise AugalgebraError(
            f"{Letter(symbol, inverse)} is none of the letters here ({known}); make an automaton that has it among its "
            "generators"
        )
