"""Where a step of stage 1 spends its time: a plain PyTorch loop of the published recipe beside augalgebra's.

Run ``python -m bench.profiles [--seconds 5] [--threads N]``. Both loops learn from the digits under two flips; times
are those of the profiler of PyTorch, which slows down what it watches, so that shares say more than sums.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile

import augalgebra as aa
from augalgebra.data.dataset import Split
from augalgebra.data.loading import load_data
from augalgebra.latent import LAVAE, Architecture
from augalgebra.operators import build_representation
from augalgebra.training.loop import Limit
from augalgebra.training.recipe import Recipe
from augalgebra.training.stage1 import stage1_loop
from augalgebra.training.views import Views
from bench.machine import describe, sentence, usable_cores
from bench.training import DIM, PROCESSOR, SIDE, plain

KINDS = (
    ("convolutions, backwards", ("convolution_backward",)),
    ("convolutions", ("conv",)),
    ("other matrix products", ("mm", "linear", "matmul")),
    ("copies, casts and changes of layout", ("copy_", "contiguous", "cat", "index", "stack", "to_mkldnn", "reorder")),
    ("memory set to zero", ("zero", "fill_")),
)
REST, BETWEEN = "activations, losses, the optimizer", "between operations: Python, reading data"
Work = Callable[[], int]


def main() -> None:
    """Profile both loops and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--threads", type=int, default=usable_cores())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    split = load_data("digits").train
    columns = {
        "plain loop, width 64": plain_work(split, arguments.seconds),
        "ours, width 64": our_work(split, arguments.seconds, 64),
        "ours, width 32 (the default)": our_work(split, arguments.seconds, 32),
    }
    found = {name: spent(work) for name, work in columns.items()}
    kinds = [*(kind for kind, _ in KINDS), REST, BETWEEN]
    print(f"{sentence(describe(arguments.threads))}\nmilliseconds of 1,000 images\n")
    print("| what | " + " | ".join(found) + " |\n|---|" + "---:|" * len(found))
    for kind in kinds:
        print(f"| {kind} | " + " | ".join(f"{times[kind]:,.0f}" for times in found.values()) + " |")
    print("| all | " + " | ".join(f"{sum(times.values()):,.0f}" for times in found.values()) + " |")


def plain_work(split: Split, seconds: float) -> Work:
    """The plain loop, which returns how many images it learned from."""
    torch.manual_seed(0)
    steps = plain(split, PROCESSOR)
    next(steps)

    def work() -> int:
        start, images = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            images += next(steps)
        return images

    return work


def our_work(split: Split, seconds: float, width: int) -> Work:
    """Ours, likewise, in float32."""
    torch.manual_seed(0)
    views = Views.closed(aa.load_catalog(), ["flip_lr", "flip_ud"])
    space = LAVAE(Architecture((1, SIDE, SIDE), DIM, width))
    assert views.group is not None  # two flips generate one
    operators = build_representation(views.group, DIM).generators
    recipe = Recipe("equivariant", Limit(seconds=seconds), 0, 1e-3, 32)

    def work() -> int:
        start = time.perf_counter()
        rate = stage1_loop(space, views, split, recipe, operators).run().images_per_second
        return round(rate * (time.perf_counter() - start))

    return work


def spent(work: Work) -> Counter[str]:
    """Milliseconds of a thousand images by kind of work."""
    start = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        images = work()
        passed = time.perf_counter() - start
    times: Counter[str] = Counter()
    for event in watched.key_averages():
        name = event.key.removeprefix("aten::")
        kind = next((kind for kind, parts in KINDS if any(part in name for part in parts)), REST)
        times[kind] += event.self_cpu_time_total / 1000  # from microseconds
    times[BETWEEN] = max(0.0, 1000 * passed - sum(times.values()))
    return Counter({kind: 1000 * value / images for kind, value in times.items()})


if __name__ == "__main__":
    main()
