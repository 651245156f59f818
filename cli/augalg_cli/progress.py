"""Live progress on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from augalgebra.case_progress import CaseProgress
    from augalgebra.training import Progress, Report


@contextmanager
def training_progress(*, quiet: bool) -> "Iterator[Progress]":
    """Show a bar for each stage, with loss, images per second and time left; floor and gap of a word if it is watched.

    Args:
        quiet: Show nothing (with ``--json``, or when nobody is looking).

    Yields:
        What a training loop reports to.
    """
    with fitting_progress(quiet=quiet) as (progress, _):
        yield progress


@contextmanager
def fitting_progress(*, quiet: bool) -> "Iterator[tuple[Progress, CaseProgress]]":
    """The same with one more bar for many small things, such as crops that are encoded.

    Args:
        quiet: Show nothing (with ``--json``, or when nobody is looking).

    Yields:
        What a training loop reports to, and what is told how many of many things are done.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn
    from rich.progress import Progress as Bars

    from augalgebra.consistency import show_loss

    bars = Bars(
        TextColumn("{task.description:<7}", markup=False),
        BarColumn(bar_width=10),
        TextColumn("{task.percentage:>3.0f}%", markup=False),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
        disable=quiet,
    )
    tasks: dict[str, TaskID] = {}
    watched: list[str] = []

    def begin(name: str, title: str, total: float | None) -> None:
        bars.start()  # only here, so that an error before leaves nothing on the screen
        tasks[name] = bars.add_task(title, total=total, note="")

    def report(now: "Report") -> None:
        if now.stage not in tasks:
            begin(now.stage, now.stage, 1.0)
        note = f"loss {now.loss:.1f}  {now.images_per_second:.0f} img/s  {_clock(now.seconds_left)} left"
        if now.probed is not None:
            seen = now.probed
            note += f"  floor {show_loss(seen.floor)} gap {seen.gap_ratio:.2f} nothing {seen.identity_ratio:.2f}"
            if not watched:
                watched.append(seen.word)
                told = f"floor and gaps are of {seen.word}"
                told += f", whose entropy is {show_loss(seen.entropy)}" if seen.entropy else ""
                bars.console.print(told, markup=False, highlight=False)
        bars.update(tasks[now.stage], completed=now.fraction, note=note)

    def count(done: int, total: int, name: str = "", /) -> None:
        if "" not in tasks:
            begin("", "fits", None)
        bars.update(tasks[""], completed=done, total=total or None, note=name)

    try:
        yield report, count
    finally:
        if tasks:
            bars.stop()


@contextmanager
def case_progress(what: str = "", *, quiet: bool) -> "Iterator[CaseProgress]":
    """Show how many of many small things are done and which is next; nothing is left on the screen.

    Args:
        what: What they are, where nobody names the next.
        quiet: Show nothing (with ``--json``); nothing is shown either where nobody is looking.

    Yields:
        What to report to.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    bars = Bars(
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    )
    task = bars.add_task(what, total=None)

    def report(done: int, total: int, name: str = "", /) -> None:
        bars.update(task, completed=done, total=total or None, description=name or what)

    with bars:
        yield report


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02}"
