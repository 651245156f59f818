"""Live progress of training on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from augalgebra.training.progress import Progress, Report


@contextmanager
def training_progress(*, quiet: bool) -> "Iterator[Progress]":
    """Show a bar for each stage, with loss, images per second and time left.

    Args:
        quiet: Show nothing (with ``--json``, or when nobody is looking).

    Yields:
        What a training loop reports to.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("{task.description:<17}", markup=False),
        BarColumn(bar_width=12),
        TextColumn("{task.percentage:>3.0f}%", markup=False),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
        disable=quiet,
    )
    tasks: dict[str, TaskID] = {}

    def report(now: "Report") -> None:
        if now.stage not in tasks:
            tasks[now.stage] = bars.add_task(now.stage, total=1.0, note="")
        note = f"loss {now.loss:.1f}  {now.images_per_second:.0f} images/s  {_clock(now.seconds_left)} left"
        bars.update(tasks[now.stage], completed=now.fraction, note=note)

    with bars:
        yield report


@contextmanager
def counting_progress(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar for work that is counted.

    Args:
        what: What is being done.
        quiet: Show nothing.

    Yields:
        What to call with the number of things done and their total.
    """
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), disable=quiet, transient=True) as bars:
        task = bars.add_task(what, total=None)

        def report(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield report


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02}"
