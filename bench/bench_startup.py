"""How long the program takes to start, beside `python -c pass`: python bench/bench_startup.py"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

AUGALG = str(Path(sys.executable).with_name("augalg"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "augalg --help": [AUGALG, "--help"],
    "augalg list": [AUGALG, "list"],
    "augalg compose": [AUGALG, "compose", "flip_lr * flip_ud * rotate_cw^2"],
    "augalg equal": [AUGALG, "equal", "rotate_cw * flip_lr", "flip_lr * rotate_cw^-1"],
    "augalg table": [AUGALG, "table", "flip_lr", "rotate_cw"],
}


def seconds(command: list[str]) -> float:
    """Median of five runs, the first (cold) one left out."""
    times = []
    for _ in range(6):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    base = seconds(COMMANDS["python -c pass"])
    print(f"{'command':<18} {'median s':>9} {'× python':>9}")
    for name, command in COMMANDS.items():
        took = seconds(command)
        print(f"{name:<18} {took:9.3f} {took / base:9.1f}")


if __name__ == "__main__":
    main()
