"""Measure everything, or some subjects, print one table, and write it as JSON."""

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.machine import describe, sentence, usable_cores
from bench.table import SUBJECTS, show

if TYPE_CHECKING:
    from bench.harness import Result

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def results(subjects: Sequence[str], *, rounds: int, smoke: bool, clock: str) -> "Iterator[Result]":
    """Measure the rows of some subjects, one at a time."""
    from bench.harness import CLOCKS, measure

    for subject in subjects:
        for row in importlib.import_module(f"bench.{subject}").rows(smoke=smoke):
            result = measure(row, rounds=rounds, smoke=smoke, clock=CLOCKS[clock])
            result.subject = subject
            yield result


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 if something failed to run, 0 otherwise: a bar that is missed is an answer."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", default=",".join(SUBJECTS), help=f"subjects, of: {', '.join(SUBJECTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each row, at least 5 (default 9)")
    parser.add_argument("--threads", type=int, default=usable_cores(), help="threads of every way (default: all cores)")
    parser.add_argument(
        "--clock",
        choices=("passed", "processor"),
        default="passed",
        help="count seconds that pass (default), or those of the processor, which other programs disturb less",
    )
    parser.add_argument("--smoke", action="store_true", help="run each row once on tiny input; the numbers say nothing")
    options = parser.parse_args(arguments)
    subjects = [subject.strip() for subject in options.only.split(",") if subject.strip()]
    unknown = [subject for subject in subjects if subject not in SUBJECTS]
    if unknown:
        parser.error(f"there is no subject {unknown[0]!r}; there are {', '.join(SUBJECTS)}")
    _limit(options.threads)
    machine, start, done = describe(options.threads), time.perf_counter(), []
    print(sentence(machine), file=sys.stderr)
    for result in results(subjects, rounds=options.rounds, smoke=options.smoke, clock=options.clock):
        done.append(result)
        state = result.failed or result.missing or f"{result.rounds} rounds"
        print(f"{time.perf_counter() - start:6.0f} s  {result.subject}: {result.row.name}: {state}", file=sys.stderr)
    content = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - start),
        "smoke": options.smoke,
        "clock": options.clock,
        "machine": machine,
        "rows": [result.to_dict() for result in done],
    }
    show(content)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return int(any(result.failed for result in done))


def _limit(threads: int) -> None:
    """Give every way as many threads; what counts them when it is imported has to be told before."""
    for variable in VARIABLES:
        os.environ[variable] = str(threads)
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


if __name__ == "__main__":
    sys.exit(main())
