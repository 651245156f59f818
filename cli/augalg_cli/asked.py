"""What a run is asked of words with ``--model``, whichever kind of run it is, and how the answers are shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from augalg_cli import grid_runs, options, render
from augalg_cli.composition import show_scores
from augalg_cli.datasets import load_of

if TYPE_CHECKING:
    from augalgebra.consistency import WordScore
    from augalgebra.runs import (
        GridComparison,
        GridRun,
        LatentComparison,
        MeasuredGridRoutes,
        MeasuredGridWord,
        MeasuredRoutes,
        MeasuredWord,
        Run,
    )

MOST_ROUTES = 10
"""Most measured routes that are shown."""


class Asked:
    """A run that words are measured in.

    Args:
        context: How the command was called.
        model: The run's folder.
        images: What ``--images`` says.
        space: What ``--space`` says.
        moved: What ``--data`` says.
        data_dir: What ``--data-dir`` says.
        quiet: Show no progress (with ``--json``).

    Attributes:
        run: The run.
        on: What its questions are asked with: how many images, and the data set of one that was trained.

    Raises:
        AugalgebraError: It cannot be read, or an option has no effect on such a run.
    """

    run: "Run | GridRun"

    def __init__(
        self,
        context: typer.Context,
        model: Path,
        images: int,
        *,
        space: str | None,
        moved: str | None,
        data_dir: str | None,
        quiet: bool,
    ) -> None:
        self._model = model
        self.on: dict[str, Any] = {"images": images}
        if grid_runs.is_grid(model):
            self.run = grid_runs.load_grid(context, model, "data_dir", space=space, moved=moved)
            if not options.is_typed(context, "images"):
                self.on = {}
            return
        from augalgebra.runs import Run

        options.refuse_idle(context, grid_runs.NEEDS_GRID, "space")
        self.run = Run.load(model, options.catalog())
        self.on["data"] = load_of(self.run, data_dir, moved, quiet=quiet)

    def show_word(self, measured: "MeasuredWord | MeasuredGridWord") -> None:
        """Write what was measured of a word."""
        from augalgebra.runs import MeasuredGridWord

        if isinstance(measured, MeasuredGridWord):
            grid_runs.show_word(measured, self._model)
            return
        scores = [measured.score]
        if measured.as_written is not None and measured.as_written.route != measured.score.route:
            scores.append(measured.as_written)
        self._show_scores(scores, f"{measured.images} test images")

    def show_comparison(self, measured: "LatentComparison | GridComparison") -> None:
        """Write how two words compare."""
        from augalgebra.consistency import show_loss
        from augalgebra.runs import GridComparison

        if isinstance(measured, GridComparison):
            grid_runs.show_comparison(measured, self._model)
            return
        render.line(f"Measured in {self._model} on {measured.images} test images:")
        render.fields(
            [
                ("  equal", f"{render.yes_no(measured.equal)}: {measured.reason}"),
                ("  operators differ by", render.number(measured.residual)),
                ("  truly apart", render.number(measured.true_difference)),
                ("  losses", " and ".join(show_loss(loss, 2) for loss in measured.loss)),
                ("  entropies", " and ".join(show_loss(entropy, 2) for entropy in measured.entropy)),
            ]
        )

    def show_routes(self, measured: "MeasuredRoutes | MeasuredGridRoutes", shortest: str) -> None:
        """Write routes, best first."""
        from augalgebra.runs import MeasuredGridRoutes

        render.fields([("shortest", shortest), ("least measured", measured.best.route)])
        if isinstance(measured, MeasuredGridRoutes):
            grid_runs.show_routes(measured, self._model, MOST_ROUTES)
            return
        ranked = measured.ranked
        shown = [score for place, score in enumerate(ranked) if place < MOST_ROUTES or score is measured.shortest]
        self._show_scores(shown, f"{measured.images} test images, best first")
        if len(ranked) > len(shown):
            render.note(f"{len(ranked) - len(shown)} more routes are not shown; --json gives all")

    def _show_scores(self, scores: "Sequence[WordScore]", images: str) -> None:
        title = f"Measured in {self._model} on {images}"
        show_scores(scores, ["operators"], [(score.route,) for score in scores], title=title)
