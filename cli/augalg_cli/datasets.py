"""Data sets as commands load them: with the progress of downloading, drawing or reading on standard error."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import render
from augalgebra import AugalgebraError

if TYPE_CHECKING:
    from rich.text import Text

    from augalgebra.data import Dataset
    from augalgebra.runs import Run

Data = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="'digits' (embedded); 'glyphs' or 'pendulum' (made on the fly); 'mnist', 'fashion-mnist', 'kmnist' or "
        "'cifar10' (downloaded if not in --data-dir); 'morpho' or 'morpho:digits' (MNIST and the digits with strokes "
        "that have causes); a folder of pictures; hf:NAME or hf:FOLDER (datasets of Hugging Face); "
        "webdataset:'shards-{000..003}.tar' or a folder of them; a file.npz or a file.npy.",
    ),
]
Moved = Annotated[
    str | None, typer.Option("--data", metavar="NAME", help="Where the run's data set lies now, if it has moved.")
]
Size = Annotated[
    int | None,
    typer.Option(
        "--size",
        min=1,
        metavar="PIXELS",
        help="Bring pictures of any size to squares of so many pixels: the shorter side is scaled, the middle cut out.",
    ),
]
SkipBroken = Annotated[
    bool, typer.Option("--skip-broken", help="Leave out pictures that cannot be read, and say how many.")
]


def load(
    name: str, data_dir: str | Path | None, *, quiet: bool, size: int | None = None, skip_broken: bool = False
) -> "Dataset":
    """Load a data set, and say what its owner should know of it.

    Args:
        name: What ``--data`` says.
        data_dir: What ``--data-dir`` says.
        quiet: Show no progress (with ``--json``).
        size: What ``--size`` says.
        skip_broken: What ``--skip-broken`` says.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        Task,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    from augalgebra.data import PICTURES_DRAWN, PICTURES_READ, load_data
    from augalgebra.training import is_first_process

    class Amount(DownloadColumn):
        """Bytes, or a number of pictures."""

        def render(self, task: Task) -> "Text":
            counted = task.description in (PICTURES_DRAWN, PICTURES_READ)
            return MofNCompleteColumn().render(task) if counted else super().render(task)

    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        Amount(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )
    tasks: dict[str, TaskID] = {}

    def report(done: int, total: int, file: str = "", /) -> None:
        if file not in tasks:
            bars.start()  # only here, so that there is no bar where nothing takes long
            tasks[file] = bars.add_task(file, total=None)
        bars.update(tasks[file], completed=done, total=total or None)

    try:
        data = load_data(name, data_dir, size=size, skip_broken=skip_broken, progress=report)
    finally:
        if tasks:
            bars.stop()
    for remark in data.remarks if is_first_process() else ():
        render.note(remark)
    return data


def load_of(run: "Run", data_dir: str | Path | None, moved: str | None = None, *, quiet: bool) -> "Dataset":
    """Load the data set of a run and see that it is the same.

    Args:
        run: The run. A folder's pictures are brought to the size of its settings; those that cannot be read were left
            out when it was trained, if there were any.
        data_dir: What ``--data-dir`` says.
        moved: What ``--data`` says.
        quiet: Show no progress (with ``--json``).
    """
    from augalgebra.data import NAMES

    name = run.settings.data if moved is None else moved
    try:
        data = load(name, data_dir, quiet=quiet, size=run.settings.size, skip_broken=True)
    except AugalgebraError as error:
        if moved is not None or name in NAMES:
            raise
        raise type(error)(f"{error}; if the data of {run.folder} have moved, name them with --data") from error
    run.check_data(data)
    return data
