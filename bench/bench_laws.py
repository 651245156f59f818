"""How long it takes to check every first-party law on images, to close, to name and to discover groups.

    python bench/bench_laws.py [--repeat 3]

Closures are timed beside sympy and, where it is installed, libsemigroups, which do the same enumeration of permutation
groups. Laws have no rival to be timed against; what counts is that all of them take seconds, and where the time goes.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

import augalgebra as aa
from augalgebra.algebra.froidure_pin import ExactFinder, close
from augalgebra.algebra.group_names import identify
from augalgebra.algebra.rewriting.short_presentations import relations
from augalgebra.checks import check_laws, discover


def timed(work: Callable[[], object], repeat: int) -> float:
    """Median seconds."""
    spans = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        spans.append(time.perf_counter() - start)
    return statistics.median(spans)


def bench_laws(repeat: int) -> None:
    catalog = aa.load_catalog()
    check_laws(catalog, ["dihedral"], size=8)  # what is imported on first use is not what is measured
    print(f"{'laws of':16}{'laws':>6}{'n':>9}{'seconds':>9}  verdicts")
    for name in [*sorted(catalog.managers), None]:
        names = None if name is None else [name]
        report = check_laws(catalog, names)
        seconds = timed(lambda names=names: check_laws(aa.load_catalog(), names), repeat)
        verdicts = ", ".join(
            f"{report.count(verdict)} {verdict}"
            for verdict in ("holds", "violated", "vacuous", "not checked")
            if report.count(verdict)
        )
        count = sum(result.n for result in report.results)
        print(f"{name or 'all plugins':16}{len(report.results):>6}{count:>9}{seconds:>9.2f}  {verdicts}")


def bench_closures(repeat: int) -> None:
    print(f"\n{'symmetric group':16}{'order':>6}{'ours':>9}{'sympy':>9}{'libsemigroups':>15}   seconds")
    for degree in (4, 5, 6, 7):
        maps = [(1, 0, *range(2, degree)), (*range(1, degree), 0)]
        order = ours(maps)
        assert order == sympys(maps)  # and both are imported before they are timed
        seconds = [timed(lambda maps=maps: ours(maps), repeat), timed(lambda maps=maps: sympys(maps), repeat)]
        try:
            third = f"{timed(lambda maps=maps: libsemigroups(maps), repeat):15.4f}"
        except ImportError:
            third = f"{'not installed':>15}"
        print(f"{f'S{degree}':16}{order:>6}{seconds[0]:>9.4f}{seconds[1]:>9.4f}{third}")


def ours(maps: list[tuple[int, ...]]) -> int:
    identity = tuple(range(len(maps[0])))
    closure = close(
        len(maps),
        lambda generator, state: tuple([maps[generator][point] for point in state]),
        identity,
        ExactFinder(lambda state: state),
        max_elements=10_000,
    )
    return closure.order


def sympys(maps: list[tuple[int, ...]]) -> int:
    from sympy.combinatorics import Permutation, PermutationGroup

    return len(list(PermutationGroup([Permutation(list(m)) for m in maps]).generate_schreier_sims()))


def libsemigroups(maps: list[tuple[int, ...]]) -> int:
    from libsemigroups_pybind11 import FroidurePin, Perm, ReportGuard

    silence = ReportGuard(False)  # for as long as it lives
    enumeration = FroidurePin([Perm(list(m)) for m in maps])
    enumeration.run()
    del silence
    return int(enumeration.size())


def bench_discovery(repeat: int) -> None:
    catalog = aa.load_catalog()
    print(f"\n{'discover':36}{'order':>6}{'group':>9}{'seconds':>9}")
    for words in (
        ["flip_lr", "flip_ud"],
        ["flip_lr", "rotate_cw"],
        ["flip_lr", "rotate_cw", "invert"],
        ["roll(1, 0)"],
        ["roll(1, 0)", "roll(0, 1)"],
    ):
        found = discover(catalog, words)
        seconds = timed(lambda words=words: discover(catalog, words), repeat)
        print(f"{', '.join(words):36}{found.order:>6}{found.group or '-':>9}{seconds:>9.3f}")
    maps = [(1, 0, 2, 3, 4), (1, 2, 3, 4, 0)]
    closure = close(2, lambda g, s: tuple(maps[g][i] for i in s), tuple(range(5)), ExactFinder(tuple))
    print(f"{'name of S5 from its table':51}{timed(lambda: identify(closure.table), repeat):>9.3f}")
    print(f"{'relations that present S5':51}{timed(lambda: relations(closure), repeat):>9.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    print(f"{torch.get_num_threads()} threads")
    bench_laws(repeat)
    bench_closures(repeat)
    bench_discovery(repeat)


if __name__ == "__main__":
    main()
