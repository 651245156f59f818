"""How rows are measured: with a clock that only the calls move."""

import json

import pytest

from bench.harness import LEAST_ROUNDS, Peer, Row, measure
from bench.table import lines, markdown


class Clock:
    """A clock, and a note of who was called."""

    def __init__(self):
        self.now, self.calls = 0.0, []

    def __call__(self):
        return self.now

    def call(self, name, *seconds):
        """A call that takes so long; the last duration stays."""
        left = list(seconds)

        def run():
            self.calls.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


@pytest.fixture
def clock():
    return Clock()


def test_all_take_turns_and_another_one_begins_in_each_round(clock):
    row = Row("x", clock.call("ours", 1.0), (Peer("a", clock.call("a", 1.0)), Peer("b", clock.call("b", 1.0))))
    measure(row, rounds=5, clock=clock)
    warm_up, turns = clock.calls[:3], clock.calls[3:]
    assert warm_up == ["ours", "a", "b"]
    assert turns[:9] == ["ours", "a", "b", "a", "b", "ours", "b", "ours", "a"]


def test_ratios_are_taken_within_rounds(clock):
    # the machine gets slower: medians of each alone would say 30 / 4 at best by chance
    ours, theirs = (1.0, 1.0, 2.0, 4.0, 8.0, 16.0), (9.0, 10.0, 20.0, 40.0, 80.0, 160.0)
    row = Row("x", clock.call("ours", *ours), (Peer("a", clock.call("a", *theirs), bar=10),), unit="s")
    result = measure(row, rounds=5, clock=clock)
    (against,) = result.against
    assert (result.value.median, against.value.median) == (4.0, 40.0)
    assert (against.ratio.low, against.ratio.median, against.ratio.high) == pytest.approx((10, 10, 10))
    assert against.reached


def test_quick_calls_are_repeated_until_a_sample_lasts(clock):
    row = Row("x", clock.call("ours", 0.001), (Peer("a", clock.call("a", 1.0), bar=1001),), unit="words/s", per=50)
    result = measure(row, rounds=5, clock=clock)
    assert clock.calls.count("ours") == 1 + 5 * 20
    assert clock.calls.count("a") == 1 + 5
    assert result.value.median == pytest.approx(50_000)
    assert result.against[0].ratio.median == pytest.approx(1000)
    assert result.against[0].reached is False


def test_slow_rows_make_no_more_than_the_least_rounds(clock):
    assert measure(Row("x", clock.call("ours", 30.0)), rounds=20, clock=clock).rounds == LEAST_ROUNDS
    assert measure(Row("x", clock.call("ours", 0.1)), rounds=20, clock=clock).rounds == 20


@pytest.mark.parametrize(
    ("kind", "unit", "limit", "ratio", "reached"),
    [("less", "MiB", 3, 3, True), ("less", "MiB", 1, 3, False), ("more", "/s", 3, 1 / 3, False)],
)
def test_numbers_that_calls_return_are_compared(kind, unit, limit, ratio, reached):
    result = measure(Row("x", lambda: 2, (Peer("a", lambda: 6),), unit=unit, kind=kind, limit=limit))
    assert result.value.median == 2
    assert result.against[0].ratio.median == pytest.approx(ratio)
    assert result.reached is reached


def test_the_spread_is_that_of_the_quartiles():
    numbers = iter([0, 1, 2, 3, 4, 5])
    value = measure(Row("x", lambda: next(numbers), kind="less"), rounds=5).value
    assert (value.low, value.median, value.high) == (2, 3, 4)


def test_what_is_not_installed_is_said():
    peer = Peer.of("a", "no_such_package.at_all", lambda module: module.run, 2)
    text = " ".join(next(lines(measure(Row("x", lambda: 1, (peer,), kind="less")).to_dict())))
    assert "not measured: not installed" in text
    assert "✓" not in text
    assert "✗" not in text


def test_ours_may_be_what_is_missing():
    result = measure(Row("x", None, (Peer("a", lambda: 1),), missing="there is no device"))
    assert result.value is None
    assert "not measured: there is no device" in next(lines(result.to_dict()))


def test_what_fails_is_said_and_ends_nothing():
    def fail():
        raise ArithmeticError("wrong\nin many lines")

    result = measure(Row("x", lambda: 1, (Peer("a", fail),), kind="less"))
    assert result.failed == "ArithmeticError: wrong"
    assert result.against[0].reached is None
    assert "failed: ArithmeticError: wrong" in next(lines(result.to_dict()))


def test_markdown_says_what_json_says():
    result = measure(Row("x", lambda: 2, (Peer("a|b", lambda: 6, bar=2),), "things", kind="less", unit="MiB", limit=1))
    result.subject = "words"
    machine = {"processor": "P", "cores": 2, "instructions": ["AVX2"], "threads": 1, "accelerator": None}
    machine |= {"load_before": [0.0], "packages": {"torch": "2"}}
    content = {"date": "2000-01-01T00:00", "clock": "passed", "machine": machine, "rows": [result.to_dict()]}
    text = markdown(json.loads(json.dumps(content)))
    assert "P, 2 cores (AVX2), 1 thread, torch 2, accelerator: none; load before: 0.0; 2000-01-01" in text
    assert "| x (things) | 2 MiB [2–2] |  |  |  | ≤ 1 MiB ✗ |" in text
    assert "|  |  | a/b | 6 MiB [6–6] | 3× [3–3] | ≥ 2× ✓ |" in text
