"""Microseconds that isolation adds to applying an augmentation, and seconds of ``augalg list`` with many plugins.

Run ``python bench/bench_isolation.py [--plugins N]``. Each plugin has five augmentations with four laws each.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import timeit
from pathlib import Path
from unittest import mock

import torch

import augalgebra as aa
from augalgebra import augmentation

AUGMENTATION = """
    @register('p{plugin}.a{number}', inverse='self', commutes_with=['p{other}.a{number}', 'flip_lr', 'flip_ud'])
    def f(x):
        return 1 - x
"""
HEAD = "import augalgebra as aa\n@aa.hookimpl\ndef augalg_register(register):\n"


def microseconds(call: object) -> float:
    return min(timeit.repeat(call, number=300, repeat=7)) / 300 * 1e6  # type: ignore[arg-type]


def main() -> None:
    """Apply flip_lr to 64 images of 28×28 pixels with and without isolation; list plugins of a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plugins", type=int, default=200)
    number = parser.parse_args().plugins
    torch.set_num_threads(1)
    catalog, images = aa.load_catalog(aa.Settings()), torch.rand(64, 1, 28, 28)
    flip = catalog.resolve("flip_lr")
    print(f"the function alone: {microseconds(lambda: flip.function(images)):.0f} µs")
    print(f"Augmentation.apply: {microseconds(lambda: flip.apply(images)):.0f} µs")
    with mock.patch.object(augmentation, "isolate", contextlib.nullcontext):
        print(f"the same without isolation: {microseconds(lambda: flip.apply(images)):.0f} µs")
    print(f"Catalog.apply: {microseconds(lambda: catalog.apply('flip_lr', images)):.0f} µs")
    with tempfile.TemporaryDirectory() as folder:
        for plugin in range(number):
            parts = [AUGMENTATION.format(plugin=plugin, number=n, other=(plugin + 1) % number) for n in range(5)]
            (Path(folder) / f"p{plugin}.py").write_text(HEAD + "".join(parts))
        start = time.perf_counter()
        command = [sys.executable, "-m", "augalg_cli.app", "list", "--json"]
        subprocess.run(command, env=os.environ | {"AUGALG_PLUGINS": folder}, check=True, capture_output=True)
        print(f"list --json with {number} plugins of five augmentations: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
