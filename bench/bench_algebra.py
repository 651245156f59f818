"""Completion, normal forms and proofs, beside libsemigroups (C++) where it is installed.

Run ``python bench/bench_algebra.py [--repeats N]``. Times are the best of several, without imports; `words` is the time
for the normal forms of 1000 random words of 12 letters. Both programs complete the same laws, except that ours finds
formal inverses by itself; where a law writes one, the other program gets it as a letter with its two definitions.
"""

import argparse
import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from augalgebra.algebra.laws import parse_law
from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.words import Letter, Word

try:
    import libsemigroups_pybind11 as library
except ImportError:
    library = None
else:
    library.ReportGuard(False)

NAMED = [
    "lr^2 = id",
    "ud^2 = id",
    "cw^4 = id",
    "cw * ccw = id",
    "ccw * cw = id",
    "half = cw^2",
    "half = lr * ud",
    "transpose = cw * lr",
    "anti = cw * ud",
    "lr * cw * lr = ccw",
]
FAMILY = [
    "turn(a) * turn(b) = turn(a + b)",
    "turn(0) = id",
    "turn(a) = turn(a + 360)",
    "turn(90) = cw",
    "lr * turn(a) * lr = turn(-a)",
]


LONGEST = timedelta(seconds=2)
"""How long the other program may try: it has no end where only layers help."""


def involutions(count: int) -> list[str]:
    """Involutions that all commute."""
    squares = [f"x{i}^2 = id" for i in range(count)]
    return squares + [f"x{i} * x{j} = x{j} * x{i}" for i in range(count) for j in range(i)]


def coxeter(rank: int) -> list[str]:
    """The symmetric group of degree `rank + 1` by neighbouring transpositions."""
    squares = [f"x{i}^2 = id" for i in range(rank)]
    braids = [f"x{i} * x{i + 1} * x{i} = x{i + 1} * x{i} * x{i + 1}" for i in range(rank - 1)]
    return squares + braids + [f"x{i} * x{j} = x{j} * x{i}" for i in range(rank) for j in range(i - 1)]


CASES = {
    "D4, 2 generators": ["s^2 = id", "r^4 = id", "s * r * s = r^-1"],
    "D4, 7 names": NAMED,
    "D4, 7 names, and rotations": NAMED + FAMILY,
    "6 commuting involutions": involutions(6),
    "10 commuting involutions": involutions(10),
    "S4, 3 generators": coxeter(3),
    "S6, 5 generators": coxeter(5),
    "icosahedral, 2 generators": ["a^2 = id", "b^3 = id", "(a * b)^5 = id"],
    "canny between cosets of D4": [*NAMED, "canny^2 = canny", "canny * transpose = transpose * canny"],
}


def best(function: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """The shortest time in seconds, and the result."""
    times, result = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return min(times), result


def other_program(presentation: Presentation, words: list[Word], repeats: int) -> tuple[float, float] | None:
    """The times of libsemigroups for the same; None where it cannot say it (families) or does not end in time."""
    if library is None or any(symbol.args for symbol in presentation.generators):
        return None
    written = [letter for law in presentation.laws for side in (law.lhs, law.rhs) for letter in side]
    inverted = dict.fromkeys(letter for letter in written if letter.inverse)
    letters = [*(Letter(symbol) for symbol in presentation.generators), *inverted]
    code = {letter: chr(ord("a") + place) for place, letter in enumerate(letters)}

    def spelt(word: Word) -> str:
        return "".join(code[letter] for letter in word)

    def run() -> Any:
        theirs = library.Presentation("".join(code.values()))
        theirs.contains_empty_word(True)
        for law in presentation.laws:
            library.presentation.add_rule(theirs, spelt(law.lhs), spelt(law.rhs))
        for letter in inverted:
            pair = code[Letter(letter.symbol)], code[letter]
            library.presentation.add_rule(theirs, "".join(pair), "")
            library.presentation.add_rule(theirs, "".join(pair[::-1]), "")
        system = library.KnuthBendix(library.congruence_kind.twosided, theirs)
        system.run_for(LONGEST)
        return system

    completion, system = best(run, repeats)
    if not system.finished():
        return None
    texts = [spelt(word) for word in words]
    return completion, best(lambda: [system.reduce(text) for text in texts], repeats)[0]


def main() -> None:
    """Time every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    print(f"{'':<28}{'rules':>6}{'complete':>10}{'words':>9}{'proof':>9}{'libsemigroups':>21}")
    print(f"{'':<28}{'':>6}{'ms':>10}{'ms':>9}{'ms':>9}{'ms':>12}{'ms':>9}")
    for name, texts in CASES.items():
        presentation = Presentation.of(map(parse_law, texts))
        completion, system = best(lambda given=presentation: complete(given), repeats)
        draw = random.Random(0)
        plain = [symbol for symbol in presentation.generators if not symbol.args]
        words = [Word.from_letters(Letter(draw.choice(plain)) for _ in range(12)) for _ in range(1000)]
        forms, _ = best(lambda words=words, system=system: [system.normal_form(word) for word in words], repeats)
        proofs, _ = best(lambda words=words, given=presentation: complete(given).derive(words[0]), repeats)
        theirs = other_program(presentation, words, repeats)
        beside = "".join(
            f"{1000 * value:.2f}".rjust(width) for value, width in zip(theirs or (), (12, 9), strict=False)
        )
        mark = "" if system.completed else "  (not completed)"
        times = f"{1000 * completion:10.1f}{1000 * forms:9.1f}{1000 * (proofs - completion):9.1f}"
        print(f"{name:<28}{len(system):>6}{times}{beside or '-'.rjust(12)}{mark}")
    start = time.perf_counter()
    word = parse_word("turn(30) * lr * turn(30)")
    proof = complete(Presentation.around([word], map(parse_law, NAMED + FAMILY))).derive(word)
    print(
        f"\nfrom laws to a proof in {len(proof.steps)} steps, {1000 * (time.perf_counter() - start):.0f} ms:\n{proof}"
    )


if __name__ == "__main__":
    main()
