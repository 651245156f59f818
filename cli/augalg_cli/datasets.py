"""Data sets as commands load them: with the progress of a download on standard error."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from augalgebra.training.data import Dataset
    from augalgebra.training.run import Run

Data = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="'digits' (embedded); 'mnist', 'fashion-mnist', 'kmnist' or 'cifar10' (downloaded if not in --data-dir); "
        "a folder of pictures; or a file.npz.",
    ),
]


def load(name: str, data_dir: Path | None, *, quiet: bool) -> "Dataset":
    """Load a data set.

    Args:
        name: What ``--data`` says.
        data_dir: What ``--data-dir`` says.
        quiet: Show nothing (with ``--json``).
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    from augalgebra.training.data import load_data

    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )
    tasks: dict[str, TaskID] = {}

    def report(file: str, done: int, total: int) -> None:
        if file not in tasks:
            bars.start()  # only here, so that nothing is drawn where nothing is downloaded
            tasks[file] = bars.add_task(file, total=None)
        bars.update(tasks[file], completed=done, total=total or None)

    try:
        return load_data(name, data_dir, progress=report)
    finally:
        if tasks:
            bars.stop()


def load_of(run: "Run", data_dir: Path | None, *, quiet: bool) -> "Dataset":
    """Load the data set of a run and see that it is the same."""
    data = load(run.settings.data, data_dir, quiet=quiet)
    run.check_data(data)
    return data
