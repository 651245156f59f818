"""How long the program takes to start and answer, beside what importing Typer and Rich's tables alone takes.

Run ``python bench/bench_startup.py [--rounds N]``. The commands take turns, each in a new process; of each the median
is printed, of seconds that passed and of processor seconds, which other programs disturb less. All find their modules
compiled, and what is remembered of plugins, in a folder of their own.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REFERENCE = "python -c 'import typer, rich.table'"
AUGALG = str(Path(sys.executable).with_name("augalg"))
COMMANDS = {
    REFERENCE: [sys.executable, "-c", "import typer, rich.table"],
    "augalg --help": [AUGALG, "--help"],
    "augalg compose": [AUGALG, "compose", "flip_lr * flip_ud"],
    "augalg equal": [AUGALG, "equal", "rotate_cw * flip_lr", "flip_lr * rotate_cw^-1"],
    "augalg list": [AUGALG, "list"],
}


def seconds(command: list[str], environment: dict[str, str], folder: str) -> tuple[float, float]:
    """Seconds that a command takes, and processor seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    took, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Let the commands take turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPYCACHEPREFIX": f"{folder}/compiled", "XDG_CACHE_HOME": f"{folder}/cache"}
        for command in COMMANDS.values():
            seconds(command, environment, folder)
        turns = [[seconds(command, environment, folder) for command in COMMANDS.values()] for _ in range(rounds)]
    medians = [[statistics.median(kind) for kind in zip(*times, strict=True)] for times in zip(*turns, strict=True)]
    print(f"{'':<38} {'seconds':>8} {'ratio':>6} {'processor':>10} {'ratio':>6}")
    for name, (passed, used) in zip(COMMANDS, medians, strict=True):
        print(f"{name:<38} {passed:8.3f} {passed / medians[0][0]:6.2f} {used:10.3f} {used / medians[0][1]:6.2f}")


if __name__ == "__main__":
    main()
