"""How cost grows: with images, latent dimension, order of the group, augmentations, plugins, length of words.

Run ``python bench/growth.py [--quick] [--repeats N] [--out FOLDER]`` on an idle machine.
It prints for each series, as a table in Markdown, the exponent of the power of the size that fits best, that between
the two largest sizes, and the size from which the cost grows faster than linearly, and writes ``growth.json`` and
``growth.svg`` into the folder. Times are medians, without imports.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy is imported

import matplotlib  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from augalgebra import LAVAE, Catalog, hookimpl, load_catalog, parse_word  # noqa: E402
from augalgebra.catalog import Settings  # noqa: E402
from augalgebra.checks import measure_matrix  # noqa: E402
from augalgebra.data import load_data  # noqa: E402
from augalgebra.latent import Architecture  # noqa: E402
from augalgebra.operators import FiniteGroup, OperatorRegistry, ViewMoments, build_representation  # noqa: E402
from augalgebra.training import Views, encoded_views  # noqa: E402

SHORTEST = 0.02
"""Seconds that a measurement takes at least; what is quicker is repeated."""
LINEAR = 1.25
"""Exponent between two neighbouring sizes above which growth is called faster than linear."""


@dataclass(frozen=True)
class Series:
    """Cost against one size.

    Attributes:
        size: What grows.
        cost: What is timed.
        expected: What it should grow with, and why.
        sizes: The sizes.
        seconds: Medians.
    """

    size: str
    cost: str
    expected: str
    sizes: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def exponent(self) -> float:
        """Of the power that fits best."""
        return float(np.polyfit(np.log(self.sizes), np.log(self.seconds), 1)[0])

    @property
    def local(self) -> tuple[float, ...]:
        """The exponent between neighbouring sizes."""
        return tuple((np.diff(np.log(self.seconds)) / np.diff(np.log(self.sizes))).tolist())

    @property
    def bend(self) -> int | None:
        """The size from which all neighbours are further apart than linear growth has it; None if there is none."""
        steep = [exponent > LINEAR for exponent in self.local]
        start = max((number + 1 for number, value in enumerate(steep) if not value), default=0)
        return self.sizes[start] if start < len(steep) else None


class Plugin:
    """A plugin in memory: augmentations that roll the picture, with their laws."""

    def __init__(self, name: str, declared: dict[str, dict[str, Any]]) -> None:
        self.__name__, self._declared = name, declared

    @hookimpl
    def augalg_register(self, register: Any) -> None:
        for number, (name, said) in enumerate(self._declared.items()):
            register(name, **said)(self._roll(number + 1))

    @staticmethod
    def _roll(number: int) -> Callable[[torch.Tensor], torch.Tensor]:
        def roll(x: torch.Tensor) -> torch.Tensor:
            """Roll the picture."""
            return x.roll(number, -1)

        return roll


def catalog_of(*plugins: Plugin) -> Catalog:
    return load_catalog(Settings(), modules=plugins, installed=False)


def commuting(count: int) -> Plugin:
    """Augmentations that all commute."""
    names = [f"roll{number}" for number in range(count)]
    return Plugin("rolls", {name: {"commutes_with": names[:number]} for number, name in enumerate(names)})


def cyclic(order: int) -> tuple[Catalog, Any]:
    """A catalog with one augmentation of a period, and its word."""
    catalog = catalog_of(Plugin("cyclic", {"turn": {"period": order}}))
    return catalog, catalog.word("turn")


def group_of(catalog: Catalog, word: Any) -> FiniteGroup:
    group = FiniteGroup.closure(catalog.system(word).exact, [word])
    assert group is not None
    return group


def planted(group: FiniteGroup, dim: int, images: int) -> ViewMoments:
    """Moments of codes that a representation of the group moves, with noise."""
    random = np.random.default_rng(0)
    originals = random.standard_normal((images, dim))
    moved = np.stack([originals @ matrix for matrix in build_representation(group, dim).matrices])
    moments = ViewMoments(group.elements, dim)
    moments.add((moved + 0.1 * random.standard_normal(moved.shape)).astype(np.float32))
    return moments


def of_images(quick: bool) -> Iterator[tuple[str, str, str, Sequence[int], Callable[[int], Callable[[], object]]]]:
    catalog, word = cyclic(8)
    group = group_of(catalog, word)
    codes = np.random.default_rng(0).standard_normal((8, 64_000, 32), dtype=np.float32)

    def moments(images: int) -> Callable[[], object]:
        def run() -> None:
            found = ViewMoments(group.elements, 32)
            for start in range(0, images, 4000):
                found.add(codes[:, start : min(start + 4000, images)])

        return run

    sizes = (1000, 4000, 16_000) if quick else (1000, 2000, 4000, 8000, 16_000, 32_000, 64_000)
    yield "images", "moments of 8 views, 32 coordinates", "1: one pass", sizes, moments
    ours = load_catalog()
    views = Views.closed(ours, ("flip_lr", "flip_ud"))
    space = LAVAE(Architecture(dim=16, width=8), seed=0)
    split = load_data("digits").train

    def encode(images: int) -> Callable[[], object]:
        return lambda: [None for _ in encoded_views(space, views, split.sample(images))]

    sizes = (100, 200, 400) if quick else (50, 100, 200, 400, 800, 1400)
    yield "images", "codes of 4 views, width 8", "1: one pass", sizes, encode


def of_dimension(quick: bool) -> Iterator[tuple[str, str, str, Sequence[int], Callable[[int], Callable[[], object]]]]:
    catalog, word = cyclic(4)
    group = group_of(catalog, word)
    sizes = (16, 32, 64) if quick else (16, 32, 64, 128, 256, 512)

    def fit(name: str) -> Callable[[int], Callable[[], object]]:
        def prepare(dim: int) -> Callable[[], object]:
            moments = planted(group, dim, 2000)
            registry = OperatorRegistry(dim, "growth", catalog)
            return lambda: registry.fit(moments, [word], name, replace_existing=True)

        return prepare

    def moments(dim: int) -> Callable[[], object]:
        codes = np.random.default_rng(0).standard_normal((4, 1000, dim), dtype=np.float32)
        return lambda: ViewMoments(group.elements, dim).add(codes)

    def move(dim: int) -> Callable[[], object]:
        registry = OperatorRegistry(dim, "growth", catalog)
        registry.fit(planted(group, dim, 2000), [word], "ridge")
        operator, codes = registry.operator(word), torch.randn(1000, dim)
        return lambda: operator.apply(codes)

    yield "latent dimension", "moments of 4 views of 1,000 images", "2: all products of two coordinates", sizes, moments
    yield "latent dimension", "fit 'ridge'", "3: a system of equations", sizes, fit("ridge")
    yield "latent dimension", "fit 'representation'", "3: eigenvectors", sizes, fit("representation")
    yield "latent dimension", "moving 1,000 codes", "2: one product of matrices", sizes, move


def of_order(quick: bool) -> Iterator[tuple[str, str, str, Sequence[int], Callable[[int], Callable[[], object]]]]:
    sizes = (2, 4, 8) if quick else (2, 4, 8, 16, 32, 64)

    def close(order: int) -> Callable[[], object]:
        return lambda: group_of(*cyclic(order))

    def represent(order: int) -> Callable[[], object]:
        group = group_of(*cyclic(order))
        return lambda: build_representation(group, 64)

    def fit(order: int) -> Callable[[], object]:
        catalog, word = cyclic(order)
        moments = planted(group_of(catalog, word), 16, 500)
        registry = OperatorRegistry(16, "growth", catalog)
        return lambda: registry.fit(moments, [word], "representation", replace_existing=True)

    yield "order of the group", "catalog, completion and closure", "2: the table", sizes, close
    yield (
        "order of the group",
        "representation, 64 coordinates",
        "2 to 3: irreducible parts of the table",
        sizes,
        represent,
    )
    yield "order of the group", "fit 'representation', 16 coordinates", "2: all pairs of views", sizes, fit


def of_augmentations(
    quick: bool,
) -> Iterator[tuple[str, str, str, Sequence[int], Callable[[int], Callable[[], object]]]]:
    sizes = (2, 5, 10) if quick else (2, 5, 10, 20, 50, 100)

    def load(count: int) -> Callable[[], object]:
        return lambda: catalog_of(commuting(count))

    def complete(count: int) -> Callable[[], object]:
        def run() -> object:
            catalog = catalog_of(commuting(count))
            return catalog.normal_form(" * ".join(f"roll{number}" for number in reversed(range(count))))

        return run

    def compare(count: int) -> Callable[[], object]:
        catalog = catalog_of(commuting(count))
        return lambda: measure_matrix(catalog, size=16)

    yield "augmentations", "loading, each commutes with all others", "2: as many laws as pairs", sizes, load
    yield "augmentations", "loading and a normal form of all", "2 to 3: laws, and each pair exchanged", sizes, complete
    yield "augmentations", "matrix of all pairs, 16×16 pixels", "2: every product", sizes[: 3 if quick else 5], compare


def of_plugins(quick: bool) -> Iterator[tuple[str, str, str, Sequence[int], Callable[[int], Callable[[], object]]]]:
    def load(count: int) -> Callable[[], object]:
        plugins = [Plugin(f"plugin{number}", {"turn": {"period": 4}}) for number in range(count)]
        return lambda: catalog_of(*plugins)

    sizes = (1, 5, 20) if quick else (1, 2, 5, 10, 20, 50, 100, 200)
    yield "plugins", "loading, one augmentation each", "1: one after the other", sizes, load


def of_length(quick: bool) -> Iterator[tuple[str, str, str, Sequence[int], Callable[[int], Callable[[], object]]]]:
    catalog = load_catalog()
    generators = [catalog.word("flip_lr"), catalog.word("rotate_cw")]
    group = FiniteGroup.closure(catalog.system(*generators).exact, generators)
    assert group is not None
    registry = OperatorRegistry(32, "growth", catalog)
    registry.set_matrices(build_representation(group, 32), moments=planted(group, 32, 500))
    system, images = catalog.system(*generators), torch.rand(8, 1, 28, 28)

    def text(length: int) -> str:
        random = np.random.default_rng(0)
        return " * ".join(random.choice(["dihedral.flip_lr", "dihedral.rotate_cw"], length))

    def reduce(length: int) -> Callable[[], object]:
        word = parse_word(text(length))
        return lambda: system.normal_form(word)

    def multiply(length: int) -> Callable[[], object]:
        word = parse_word(text(length))
        return lambda: registry.operator(word, reduce=False)

    def apply(length: int) -> Callable[[], object]:
        word = parse_word(text(length))
        return lambda: catalog.apply(word, images)

    sizes = (2, 8, 32) if quick else (2, 4, 8, 16, 32, 64, 128, 256)
    yield (
        "length of a word",
        "reading it",
        "1: letter by letter",
        sizes,
        lambda length: lambda: parse_word(text(length)),
    )
    yield "length of a word", "its normal form", "1: letter by letter", sizes, reduce
    yield (
        "length of a word",
        "its operator, 32 coordinates, not reduced",
        "1: a product for each letter",
        sizes,
        multiply,
    )
    yield "length of a word", "applying it to 8 images", "1: a call for each letter", sizes, apply


def median(function: Callable[[], object], repeats: int) -> float:
    """Seconds that it takes; the first call is not counted."""
    start = time.perf_counter()
    function()
    often = max(1, round(SHORTEST / (time.perf_counter() - start)))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(often):
            function()
        times.append((time.perf_counter() - start) / often)
    return statistics.median(times)


def draw(series: Sequence[Series], path: Path) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import NullLocator

    pyplot.rcParams.update({"svg.hashsalt": "growth", "svg.fonttype": "none"})
    names = list(dict.fromkeys(item.size for item in series))
    figure, axes = pyplot.subplots(2, 3, figsize=(13, 9), layout="constrained")
    for name, axis in zip(names, axes.flat, strict=True):
        drawn = [item for item in series if item.size == name]
        for item in drawn:
            axis.loglog(item.sizes, item.seconds, marker="o", label=f"{item.cost}: {item.exponent:.2f}")
        ticks = sorted({size for item in drawn for size in item.sizes})
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xticks(ticks, [f"{size / 1000:g}k" if size >= 1000 else str(size) for size in ticks])
        axis.tick_params(axis="x", labelrotation=90 if len(ticks) > 8 else 0)
        axis.set_xlabel(name)
        axis.set_ylabel("seconds")
        axis.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
        axis.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def row(item: Series) -> str:
    """A series as a row of a table in Markdown."""
    ends = item.seconds[0], item.seconds[-1]
    first, last = (f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s" for seconds in ends)
    sizes, bend = f"{item.sizes[0]:,} to {item.sizes[-1]:,}", "" if item.bend is None else f"{item.bend:,}"
    growth = f"{item.exponent:.2f} | {item.local[-1]:.2f} | {bend}"
    return f"| {item.size}, {sizes} | {item.cost} | {first} | {last} | {growth} | {item.expected} |"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three small sizes of each, to see that it runs")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found: list[Series] = []
    print("| what grows | cost | first | last | exponent | at the end | faster than linear from | expected |")
    print("|---|---|---:|---:|---:|---:|---:|---|")
    for family in (of_images, of_dimension, of_order, of_augmentations, of_plugins, of_length):
        for size, cost, expected, sizes, prepare in family(arguments.quick):
            seconds = [median(prepare(number), arguments.repeats) for number in sizes]
            found.append(Series(size, cost, expected, tuple(sizes), tuple(seconds)))
            print(row(found[-1]), flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), "threads": 1}
    machine |= {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    series = [{**asdict(item), "exponent": item.exponent, "local": item.local, "bend": item.bend} for item in found]
    content = {"machine": machine, "repeats": arguments.repeats, "series": series}
    (arguments.out / "growth.json").write_text(json.dumps(content, indent=1) + "\n")
    draw(found, arguments.out / "growth.svg")
    print(f"\nin {arguments.out}: growth.json, growth.svg")


if __name__ == "__main__":
    main()
