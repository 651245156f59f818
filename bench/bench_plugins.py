"""Seconds of ``augalg plugins list`` with many installed plugins, half of which import torch, and of ``register``.

Run ``python bench/bench_plugins.py [--plugins N]``. The first call imports them all, the second remembers. What is
registered is one augmentation with one law, without a model.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLUGIN = """{imports}
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("negate", inverse="self")
    def negate(x):
        return 1 - x
"""


def seconds(arguments: list[str], folder: Path, environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "augalg_cli.app", *arguments],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - start


def main() -> None:
    """Install plugins into a folder of their own, and list them; register one in a workspace."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plugins", type=int, default=100)
    number = parser.parse_args().plugins
    with tempfile.TemporaryDirectory() as folder:
        site, cache = Path(folder) / "site", Path(folder) / "cache"
        for index in range(number):
            name = f"acme_{index}"
            info = site / f"{name}-1.0.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[augalgebra]\n{name} = {name}\n")
            (site / f"{name}.py").write_text(PLUGIN.format(imports="import torch" if index % 2 else ""))
        places = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = os.environ | {"PYTHONPATH": places, "XDG_CACHE_HOME": str(cache)}
        for what in ("first call", "second call", "third call"):
            took = seconds(["plugins", "list"], Path(folder), environment)
            print(f"{what} with {number} plugins besides ours: {took:.2f} s")
        (Path(folder) / "mine.py").write_text(PLUGIN.format(imports=""))
        took = min(seconds(["register", "mine.py"], Path(folder), os.environ.copy()) for _ in range(3))
        print(f"registering one augmentation: {took:.2f} s")


if __name__ == "__main__":
    main()
