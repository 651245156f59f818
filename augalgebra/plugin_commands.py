"""What commands of plugins meet: how they are listed, and what the command line offers them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from augalgebra.case_progress import CaseProgress
    from augalgebra.catalog import Catalog
    from augalgebra.data import Dataset
    from augalgebra.runs import Run
    from augalgebra.training import Progress


class Defer(Protocol):
    """The callback of ``augalg_commands`` that lists a command without importing it."""

    def __call__(self, name: str, target: str, *, summary: str, panel: str = "") -> None:
        """List a command.

        Args:
            name: What it is called.
            target: The module that defines it, whose `typer.Typer` named ``app`` has it; behind a colon another name,
                as in ``acme_waves.commands:tools``. The module is imported when the command is called, or its own help
                is asked for.
            summary: The first paragraph of its help.
            panel: Title of the panel of the help page that lists it; "" for the usual one.
        """


class CommandLine(Protocol):
    """What the command line offers to the commands of plugins, as ``ctx.obj`` of their `typer.Context`.

    Answers go to standard output, everything else to standard error. A command that takes ``--json`` writes one JSON
    document and nothing else, and is `quiet`. An `AugalgebraError` ends it with one line and exit code 2,
    ``raise typer.Exit(1)`` is for a check that says no; any other error is reported with the plugin's name.
    """

    def catalog(self) -> "Catalog":
        """The catalog of this workspace, loaded when first asked for."""

    def complete(self, incomplete: str) -> list[str]:
        """What a shell offers for an augmentation, or for the last one of a word."""

    def progress(self, what: str = "", *, quiet: bool) -> "AbstractContextManager[CaseProgress]":
        """Show how many of many things are done, while somebody is looking.

        Args:
            what: What they are, where nobody names the next.
            quiet: Show nothing.

        Returns:
            A context that yields what to report to.
        """

    def training_progress(self, *, quiet: bool) -> "AbstractContextManager[Progress]":
        """Show a bar for each stage of a training; the context yields what a training reports to."""

    def emit_json(self, answer: Mapping[str, Any]) -> None:
        """Write the whole answer as JSON."""

    def line(self, text: str = "") -> None:
        """Write one line of the answer."""

    def note(self, text: str) -> None:
        """Write a hint or warning to standard error."""

    def table(
        self,
        headings: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        right: Iterable[int] = (),
        title: str = "",
        faint: Iterable[int] = (),
    ) -> None:
        """Write a table.

        Args:
            headings: One for each column.
            rows: Cells; anything is shown by its text.
            right: Columns that are aligned to the right, from 0.
            title: Line above the table.
            faint: Numbers of rows that do not count.
        """

    def number(self, value: float | None, digits: int = 3) -> str:
        """A number for people."""

    def seconds_of(self, text: str | None) -> float | None:
        """The seconds of a time such as 90s, 10m or 1h.

        Raises:
            AugalgebraError: It is no time.
        """

    def load_data(
        self,
        name: str,
        data_dir: "str | Path | None",
        *,
        quiet: bool,
        size: int | None = None,
        skip_broken: bool = False,
    ) -> "Dataset":
        """Load a data set by name, show how far a download is, and note what its owner should know.

        Raises:
            AugalgebraError: It cannot be had.
        """

    def load_data_of(
        self, run: "Run", data_dir: "str | Path | None", moved: str | None = None, *, quiet: bool
    ) -> "Dataset":
        """The same for the data set of a run, which may have moved; it is seen to be the same.

        Raises:
            AugalgebraError: It cannot be had, or is another.
        """
