import itertools
import math
import os
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from augalgebra.errors import AugalgebraError, RunError
from augalgebra.training.loop import Limit, Loop, Measurement, Outcome, Step, TrainingError
from augalgebra.training.progress import Report


class Fit:
    """Regression on ten samples, three at a time, with noise in the targets."""

    def __init__(self, *, poison_at: int | None = None, **settings: object) -> None:
        self.model = nn.Linear(2, 1)
        with torch.no_grad():
            self.model.weight.copy_(torch.tensor([[1.0, -1.0]]))
            self.model.bias.zero_()
        self.inputs = torch.randn(10, 2, generator=torch.Generator().manual_seed(0))
        self.seen: list[list[int]] = []
        self.poison_at = poison_at
        chosen = {"limit": Limit(epochs=3), "seed": 1, "samples": 10, "batch_size": 3} | settings
        self.loop = Loop("test", self.model, torch.optim.AdamW(self.model.parameters(), lr=0.1), self, **chosen)

    def __call__(self, step: Step) -> Measurement:
        self.seen.append(step.positions.tolist())
        noise = torch.randn(len(step.positions), 1, generator=step.noise)
        inputs = self.inputs[step.positions]
        error = (self.model(inputs) - inputs.sum(1, keepdim=True) - 0.1 * noise).square().mean()
        if len(self.seen) == self.poison_at:
            error = error * math.nan
        return Measurement({"error": error, "size": 0.01 * self.model.weight.square().sum()}, len(inputs))

    @property
    def weights(self) -> list[float]:
        return [value for parameter in self.model.parameters() for value in parameter.flatten().tolist()]


def means(outcome: Outcome) -> list[tuple[int, int, dict[str, float]]]:
    return [(item.epoch, item.steps, dict(item.terms)) for item in outcome.epochs]


def test_each_epoch_shows_each_sample_once_in_another_order() -> None:
    fit = Fit()
    outcome = fit.loop.run()
    assert (12, 3, False) == (outcome.steps, len(outcome.epochs), outcome.interrupted)
    epochs = [list(itertools.chain(*fit.seen[start : start + 4])) for start in (0, 4, 8)]
    assert [list(range(10))] * 3 == [sorted(epoch) for epoch in epochs]
    assert 3 == len({tuple(epoch) for epoch in epochs})
    assert [3, 3, 3, 1] == [len(batch) for batch in fit.seen[:4]]


def test_it_descends() -> None:
    fit = Fit(limit=Limit(epochs=60))
    outcome = fit.loop.run()
    assert outcome.epochs[-1].terms["error"] < 0.05 < outcome.epochs[0].terms["error"]


def test_one_seed_gives_equal_weights_and_another_does_not() -> None:
    first, again, other = Fit(), Fit(), Fit(seed=2)
    outcomes = [fit.loop.run() for fit in (first, again, other)]
    assert first.weights == again.weights
    assert means(outcomes[0]) == means(outcomes[1])
    assert first.weights != other.weights


def test_global_random_numbers_are_not_touched() -> None:
    fit = Fit()
    before = torch.get_rng_state()
    fit.loop.run()
    assert torch.equal(before, torch.get_rng_state())


def test_reports_tell_where_the_loop_stands() -> None:
    reports: list[Report] = []
    Fit().loop.run(reports.append)
    assert list(range(1, 13)) == [report.step for report in reports]
    assert [1] * 4 + [2] * 4 + [3] * 4 == [report.epoch for report in reports]
    assert [pytest.approx(step / 12) for step in range(1, 13)] == [report.fraction for report in reports]
    assert {"error", "size"} == set(reports[0].terms)
    assert all(report.loss == pytest.approx(sum(report.terms.values())) for report in reports)
    assert 0 == reports[-1].seconds_left < reports[0].seconds_left
    assert all(report.images_per_second > 0 for report in reports)


@pytest.mark.parametrize("limit", [Limit(epochs=3), Limit(seconds=12)])
def test_the_time_left_is_told_from_the_time_since_the_loop_was_resumed(tmp_path: Path, limit: Limit) -> None:
    ticks = itertools.count()  # a second for each step, since the clock is looked at after each
    first, second = (Fit(limit=limit, clock=lambda: float(next(ticks))) for _ in range(2))
    first.loop.run(stop_after(6))
    first.loop.save(tmp_path / "checkpoint")
    second.loop.resume(tmp_path / "checkpoint")
    left: list[float] = []
    outcome = second.loop.run(lambda report: left.append(report.seconds_left))
    assert pytest.approx([5, 4, 3, 2, 1, 0]) == left
    assert outcome.seconds == (6 if limit.seconds is None else 12)


def test_means_of_an_epoch_are_those_of_its_steps() -> None:
    reports: list[Report] = []
    outcome = Fit().loop.run(reports.append)
    for number, epoch in enumerate(outcome.epochs):
        losses = [report.terms["error"] for report in reports[4 * number : 4 * number + 4]]
        assert (number + 1, 4 * number + 4) == (epoch.epoch, epoch.steps)
        assert sum(losses) / 4 == pytest.approx(epoch.terms["error"])


def stop_after(step: int):
    def progress(report: Report) -> None:
        if report.step == step:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("step", [1, 4, 6])
def test_an_interrupt_keeps_what_was_learned(step: int) -> None:
    fit, reference = Fit(), Fit()
    outcome = fit.loop.run(stop_after(step))
    weights: list[list[float]] = []
    reference.loop.run(lambda _: weights.append(reference.weights))
    assert outcome.interrupted
    assert (step, math.ceil(step / 4)) == (outcome.steps, len(outcome.epochs))
    assert weights[step - 1] == fit.weights


def test_an_interrupt_from_outside_waits_for_whole_steps() -> None:
    """The signal arrives in the middle of the optimizer's step, which is nevertheless finished and counted."""
    fit = Fit()
    plain = fit.loop.optimizer.step

    def interrupted_step() -> None:
        if fit.loop.step == 5:
            os.kill(os.getpid(), signal.SIGINT)
        plain()

    fit.loop.optimizer.step = interrupted_step
    # as in a terminal; a shell starts background jobs with the signal ignored, and those go on
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        outcome = fit.loop.run()
        assert signal.default_int_handler is signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, inherited)
    reference = Fit()
    reference.loop.run(stop_after(6))
    assert (True, 6) == (outcome.interrupted, outcome.steps)
    assert reference.weights == fit.weights


@pytest.mark.parametrize("step", [1, 4, 7, 11])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_interrupted_and_resumed_is_the_same_as_never_interrupted(tmp_path: Path, step: int, schedule: str) -> None:
    whole = Fit(schedule=schedule)
    expected = means(whole.loop.run())
    first, second = Fit(schedule=schedule), Fit(schedule=schedule)
    first.loop.run(stop_after(step))
    first.loop.save(tmp_path / "checkpoint")
    second.loop.resume(tmp_path / "checkpoint")
    outcome = second.loop.run()
    assert whole.weights == second.weights
    assert expected == means(outcome)


def test_checkpoints_of_other_loops_are_refused(tmp_path: Path) -> None:
    fit = Fit()
    fit.loop.run(stop_after(2))
    fit.loop.save(tmp_path / "checkpoint")
    other = Fit()
    other.loop.stage = "another"
    with pytest.raises(RunError, match="is a checkpoint of test, not of another"):
        other.loop.resume(tmp_path / "checkpoint")
    larger = nn.Linear(3, 1)
    loop = Loop(
        "test",
        larger,
        torch.optim.AdamW(larger.parameters()),
        fit,
        samples=10,
        batch_size=3,
        limit=Limit(epochs=1),
        seed=0,
    )
    with pytest.raises(RunError, match="does not fit this network"):
        loop.resume(tmp_path / "checkpoint")
    with pytest.raises(RunError, match="is missing"):
        loop.resume(tmp_path / "none")


@pytest.mark.parametrize(("poison_at", "kept"), [(2, 0), (5, 0), (7, 4), (9, 4), (12, 8)])
def test_a_loss_that_is_not_finite_stops_at_the_last_good_state(poison_at: int, kept: int) -> None:
    fit = Fit(poison_at=poison_at)
    with pytest.raises(TrainingError, match=rf"test diverged: the loss is nan at step {poison_at} ") as caught:
        fit.loop.run()
    reference = Fit()
    if kept:
        reference.loop.run(stop_after(kept))
    assert reference.weights == fit.weights
    expected = f"the weights after epoch {kept // 4}" if kept else "the weights it began with"
    assert expected in str(caught.value)
    assert isinstance(caught.value, AugalgebraError)


def test_weights_that_the_last_step_of_an_epoch_ruined_are_not_kept() -> None:
    """They cost 10²⁰ times what they should, but it is two steps later only that the loss is not finite."""
    fit, checkpoints = Fit(limit=Limit(epochs=5)), []

    def leap(report: Report) -> None:
        fit.loop.optimizer.param_groups[0]["lr"] = {11: 1e10, 13: 1e30}.get(report.step, 0.1)

    with pytest.raises(TrainingError, match=r"at step 15 .* It keeps the weights after epoch 2;"):
        fit.loop.run(leap, lambda: checkpoints.append(fit.loop.step))
    reference = Fit()
    reference.loop.run(stop_after(8))
    assert reference.weights == fit.weights
    assert [4, 8] == checkpoints


def test_weights_that_the_very_last_step_ruined_are_not_kept() -> None:
    fit = Fit(limit=Limit(epochs=2))
    fit.model.weight.register_hook(lambda gradient: gradient * (math.nan if fit.loop.step == 7 else 1))
    with pytest.raises(TrainingError, match=r"not finite after step 8, the last\. It keeps the weights after"):
        fit.loop.run()
    reference = Fit()
    reference.loop.run(stop_after(4))
    assert reference.weights == fit.weights


def test_diverging_by_a_huge_step_size_is_noticed() -> None:
    fit = Fit(limit=Limit(epochs=400))
    fit.loop = Loop(
        "test",
        fit.model,
        torch.optim.SGD(fit.model.parameters(), lr=1e3),
        fit,
        samples=10,
        batch_size=3,
        limit=Limit(epochs=400),
        seed=0,
    )
    with pytest.raises(TrainingError, match="smaller learning rate"):
        fit.loop.run()
    assert all(map(math.isfinite, fit.weights))


def test_a_limit_in_seconds_ends_and_counts_steps() -> None:
    fit = Fit(limit=Limit(seconds=0.2), schedule="cosine")
    fractions: list[float] = []
    outcome = fit.loop.run(lambda report: fractions.append(report.fraction))
    assert outcome.steps == len(fractions) > 1
    assert sorted(fractions) == fractions
    assert 1 == fractions[-1]
    assert outcome.seconds >= 0.2


def test_the_earlier_of_two_limits_counts() -> None:
    assert 4 == Fit(limit=Limit(epochs=1, seconds=1e6)).loop.run().steps


@pytest.mark.parametrize(
    "impossible", [{}, {"epochs": 0}, {"seconds": -1.0}, {"seconds": math.inf}, {"seconds": math.nan}]
)
def test_impossible_limits_are_refused(impossible: dict) -> None:
    with pytest.raises(AugalgebraError, match="needs a number of epochs, steps or seconds"):
        Limit(**impossible)


def test_the_cosine_schedule_warms_up_and_falls_to_nothing() -> None:
    fit = Fit(limit=Limit(epochs=50), schedule="cosine")
    rates: list[float] = []
    fit.loop.run(lambda _: rates.append(fit.loop.optimizer.param_groups[0]["lr"]))
    peak = rates.index(max(rates))
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 45 < peak < 55
    assert 0.1 / 50 == pytest.approx(rates[0])
    assert 0 < rates[-1] < 1e-4
    assert 0.1 > max(rates) > 0.08


def test_callbacks_come_after_each_full_epoch_and_find_it_as_it_ended() -> None:
    fit, reference = Fit(), Fit()
    calls: list[tuple[int, bytes]] = []
    fit.loop.run(on_epoch=lambda: calls.append((fit.loop.step, fit.loop.to_bytes())))
    ends: list[bytes] = []
    reference.loop.run(lambda _: ends.append(reference.loop.to_bytes()))
    assert [(4, ends[3]), (8, ends[7])] == calls
