"""Rows of the table, and how they are measured: in turns, after a warm-up, with medians and spread."""

import importlib
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Call = Callable[[], object]
Kind = Literal["time", "less", "more"]

LEAST_ROUNDS = 5
SAMPLE = 0.02
"""Seconds that one sample lasts at least: quicker calls are repeated in it."""
CLOCKS: Mapping[str, Callable[[], float]] = {"passed": time.perf_counter, "processor": time.process_time}
"""Seconds that pass; or those of the processor, of all threads, which other programs disturb less."""
PATIENCE = 20.0
"""Seconds of a row after which no more rounds than the least are made."""
UNITS = {"µs": 1e6, "ms": 1e3, "s": 1.0}


@dataclass(frozen=True)
class Peer:
    """What ours is measured against.

    Attributes:
        name: Its name.
        call: Does the same as ours; None if it cannot be measured here.
        missing: Why it cannot.
        bar: How many times better ours should be.
    """

    name: str
    call: Call | None
    missing: str = ""
    bar: float | None = None

    @classmethod
    def of(cls, name: str, package: str, make: Callable[[Any], Call], bar: float | None = None) -> "Peer":
        """A peer from a package that may not be installed.

        Args:
            name: Its name in the table.
            package: What to import.
            make: Makes the call from the imported module.
            bar: See above.
        """
        try:
            module = importlib.import_module(package)
        except ImportError as error:
            absent = error.name is not None and package.partition(".")[0] == error.name.partition(".")[0]
            return cls(name, None, "not installed" if absent else f"cannot be imported: {error}", bar)
        return cls(name, make(module), "", bar)


@dataclass(frozen=True)
class Row:
    """What is measured.

    Attributes:
        name: What is done.
        ours: Our way; None if it cannot be measured here.
        peers: Other ways.
        counted: What a number counts.
        unit: ``µs``, ``ms``, ``s``, or ``…/s`` for a rate where calls are timed; anything where they return a number.
        kind: ``time``: calls are timed. Otherwise they return a number, of which ``less`` or ``more`` is better.
        per: How many of what is counted one call does.
        limit: What our own number should reach, in the unit.
        note: What else is known, such as how true the results are; asked for at the end.
        missing: Why ours cannot be measured.
    """

    name: str
    ours: Call | None
    peers: tuple[Peer, ...] = ()
    counted: str = ""
    unit: str = "ms"
    kind: Kind = "time"
    per: float = 1
    limit: float | None = None
    note: Callable[[], str] = str
    missing: str = ""

    def number(self, sample: float) -> float:
        """A sample in the unit."""
        if self.kind != "time":
            return sample
        return sample / self.per * UNITS[self.unit] if self.unit in UNITS else self.per / sample

    @property
    def more_is_better(self) -> bool:
        """Whether larger numbers are better."""
        return self.kind == "more" or (self.kind == "time" and self.unit not in UNITS)


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Those of some numbers."""
        if len(values) < 2:
            return cls(values[0], values[0], values[0])
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(statistics.median(values), low, high)


@dataclass
class Against:
    """Ours against one peer.

    Attributes:
        peer: The peer's name.
        value: Its number.
        ratio: How many times better ours is, of each round.
        bar: What that should be.
        missing: Why there is nothing.
    """

    peer: str
    value: Spread | None = None
    ratio: Spread | None = None
    bar: float | None = None
    missing: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the bar; None if there is no bar or nothing was measured."""
        return None if self.ratio is None or self.bar is None else self.ratio.median >= self.bar


@dataclass
class Result:
    """What was measured of a row.

    Attributes:
        row: The row.
        subject: What it is about.
        rounds: How often.
        value: Our number.
        against: Ours against each peer.
        note: What else is known.
        missing: Why there is nothing.
        failed: The error that ended it; empty if none did.
    """

    row: Row
    subject: str = ""
    rounds: int = 0
    value: Spread | None = None
    against: list[Against] = field(default_factory=list)
    note: str = ""
    missing: str = ""
    failed: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether our own number reaches the limit; None if there is none or nothing was measured."""
        if self.value is None or self.row.limit is None:
            return None
        median, limit = self.value.median, self.row.limit
        return median >= limit if self.row.more_is_better else median <= limit

    def to_dict(self) -> Mapping[str, Any]:
        """Plain data for JSON."""
        row = self.row
        return {
            "subject": self.subject,
            "name": row.name,
            "counted": row.counted,
            "unit": row.unit,
            "more_is_better": row.more_is_better,
            "rounds": self.rounds,
            "ours": self.value and vars(self.value),
            "limit": row.limit,
            "limit_reached": self.reached,
            "peers": [
                {
                    "name": one.peer,
                    "value": one.value and vars(one.value),
                    "ratio": one.ratio and vars(one.ratio),
                    "bar": one.bar,
                    "bar_reached": one.reached,
                    "not_measured": one.missing,
                }
                for one in self.against
            ],
            "note": self.note,
            "not_measured": self.missing,
            "failed": self.failed,
        }


def measure(
    row: Row, *, rounds: int = 9, smoke: bool = False, clock: Callable[[], float] = time.perf_counter
) -> Result:
    """Measure a row.

    Every way is called once to warm up. Then all take turns, and another one begins in each round, so that whatever
    else the machine does meets all alike; ratios are taken within a round.

    Args:
        row: The row.
        rounds: How many rounds to make, at least `LEAST_ROUNDS`; slow rows make no more than that.
        smoke: Call everything once and be done: that it runs is all that counts.
        clock: Where the seconds of timed calls are read, see `CLOCKS`.
    """
    result = Result(
        row, missing=row.missing, against=[Against(p.name, bar=p.bar, missing=p.missing) for p in row.peers]
    )
    if row.ours is None:
        return result
    calls: list[Call | None] = [row.ours, *(peer.call for peer in row.peers)]
    try:
        _fill(result, calls, max(rounds, LEAST_ROUNDS), smoke, clock)
        result.note = row.note()
    except Exception as error:  # noqa: BLE001 - whatever a peer or ours raises is what the table says
        result.failed = f"{type(error).__name__}: {error}".splitlines()[0]
    return result


def _fill(result: Result, calls: list[Call | None], rounds: int, smoke: bool, clock: Callable[[], float]) -> None:
    row = result.row
    places = [place for place, call in enumerate(calls) if call is not None]
    loops, firsts = {}, {}
    for place in places:
        firsts[place], took = _sample(calls[place], 1, row.kind, clock)
        loops[place] = max(1, math.ceil(SAMPLE / max(took, 1e-9))) if row.kind == "time" else 1
    samples: dict[int, list[float]] = {place: [] for place in places}
    start = clock()
    if smoke:
        samples, rounds = {place: [first] for place, first in firsts.items()}, 0
    for done in range(rounds):
        if done >= LEAST_ROUNDS and clock() - start > PATIENCE:
            break
        first = done % len(places)
        for place in (*places[first:], *places[:first]):
            samples[place].append(_sample(calls[place], loops[place], row.kind, clock)[0])
    numbers = {place: [row.number(sample) for sample in taken] for place, taken in samples.items()}
    result.rounds, result.value = len(numbers[0]), Spread.of(numbers[0])
    for place, one in enumerate(result.against, start=1):
        if place in numbers:
            one.value = Spread.of(numbers[place])
            pairs = zip(numbers[0], numbers[place], strict=True)
            one.ratio = Spread.of([a / b if row.more_is_better else b / a for a, b in pairs])


def _sample(call: Call | None, loops: int, kind: Kind, clock: Callable[[], float]) -> tuple[float, float]:
    """One sample, and the seconds that it took."""
    if call is None:
        raise AssertionError("only what can be measured is")
    start = clock()
    for _ in range(loops):
        answer = call()
    took = (clock() - start) / loops
    return (took, took) if kind == "time" else (float(answer), took)  # type: ignore[arg-type]
