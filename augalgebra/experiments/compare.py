"""All comparisons of latent spaces, one after the other, kept in a folder as they are finished."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from augalgebra._version import __version__
from augalgebra.catalog import Catalog
from augalgebra.errors import RunError
from augalgebra.experiments.bench import Bench, Size
from augalgebra.experiments.claims import Claim, pooled
from augalgebra.experiments.combined import combined_on, draw_combined
from augalgebra.experiments.comparison import Comparison
from augalgebra.experiments.cvae import cvae_on, draw_cvae
from augalgebra.experiments.involution import draw_involution, involution_on
from augalgebra.experiments.nonlinear import draw_nonlinear, nonlinear_on
from augalgebra.files import write_atomically
from augalgebra.training.data import Dataset
from augalgebra.training.loop import Limit
from augalgebra.training.progress import Progress, silent

Experiment = Literal["cvae", "combined", "involution", "mlp"]
EXPERIMENTS: tuple[Experiment, ...] = get_args(Experiment)

_RUN: Mapping[Experiment, Callable[[Bench], Comparison]] = {
    "cvae": cvae_on,
    "combined": combined_on,
    "involution": involution_on,
    "mlp": nonlinear_on,
}
_DRAW: Mapping[Experiment, Callable[[Any, Path], Path]] = {
    "cvae": draw_cvae,
    "combined": draw_combined,
    "involution": draw_involution,
    "mlp": draw_nonlinear,
}
MARK = "augalgebra.comparison"
"""What a result says it is."""


@dataclass(frozen=True)
class Kept:
    """A comparison with one seed, as it lies in its folder.

    Attributes:
        experiment: Which one.
        seed: Its seed.
        answer: What `Comparison.to_json` said.
        text: What `Comparison.to_markdown` said.
        picture: The PNG.
        fresh: Whether it was computed now.
    """

    experiment: Experiment
    seed: int
    answer: Mapping[str, Any]
    text: str
    picture: Path
    fresh: bool

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims."""
        return tuple(
            Claim(
                item["slide"],
                item["text"],
                item["measured"],
                item["holds"],
                {name: float("nan") if value is None else value for name, value in item["values"].items()},
            )
            for item in self.answer["claims"]
        )


def compare(
    folder: Path,
    dataset: Dataset,
    catalog: Catalog,
    *,
    experiments: Sequence[Experiment] = EXPERIMENTS,
    seeds: Sequence[int] = (0,),
    budget: Limit,
    size: Size | None = None,
    progress: Progress = silent,
) -> Iterator[Kept]:
    """Make comparisons; those that the folder holds already with the same settings are not made again.

    Networks that several comparisons need are trained once for each seed.

    Args:
        folder: Where results and pictures are kept, as ``NAME-SEED.json`` and ``.png``.
        dataset: The images.
        catalog: Augmentations and their laws.
        experiments: Which comparisons.
        seeds: With which seeds.
        budget: How long each network is trained.
        size: What all networks share.
        progress: Called after each step of training.

    Yields:
        Each comparison as soon as it is there.

    Raises:
        RunError: A file of that name in the folder is something else.
        AugalgebraError: Data or augmentations do not suit a comparison.
    """
    size = size or Size()
    settings = _digest(dataset, budget, size)
    for seed in seeds:
        bench = Bench(dataset, catalog, budget, seed, size, progress)
        for experiment in experiments:
            path = folder / f"{experiment}-{seed}.json"
            picture = path.with_suffix(".png")
            found = _read(path, settings)
            if found is not None and picture.is_file():
                yield Kept(experiment, seed, found["answer"], found["text"], picture, fresh=False)
                continue
            result = _RUN[experiment](bench)
            _DRAW[experiment](result, picture)
            kept = Kept(experiment, seed, result.to_json(), result.to_markdown(), picture, fresh=True)
            document = {"kind": MARK, "settings": settings, "answer": kept.answer, "text": kept.text}
            write_atomically(path, json.dumps(document, indent=2, allow_nan=False) + "\n")
            yield kept


def pooled_claims(results: Sequence[Kept]) -> tuple[Claim, ...]:
    """The claims of all seeds, each once."""
    return pooled([result.claims for result in results])


def as_document(results: Sequence[Kept], about: str) -> str:
    """All comparisons as one Markdown document, with the pictures of the first seed of each."""
    sections = ["# Latent spaces side by side", about]
    for experiment in dict.fromkeys(result.experiment for result in results):
        same = [result for result in results if result.experiment == experiment]
        sections.append(f"## {experiment}\n\n![{experiment}]({same[0].picture.name})")
        if len(same) > 1:
            claims = [f"- {claim}" for claim in pooled_claims(same)]
            sections.append("\n".join(["Over all seeds:", "", *claims]))
        sections += [f"### Seed {result.seed}\n\n{result.text.strip()}" for result in same]
    return "\n\n".join(sections) + "\n"


def _digest(dataset: Dataset, budget: Limit, size: Size) -> str:
    """What a result depends on, seed aside."""
    known = [__version__, dataset.fingerprint, asdict(budget), asdict(size)]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _read(path: Path, settings: str) -> dict[str, Any] | None:
    """A result of the same settings, if there is one."""
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}); delete it, or name another folder") from error
    if not isinstance(document, dict) or document.get("kind") != MARK:
        raise RunError(f"{path} is no comparison; name another folder")
    return document if document.get("settings") == settings else None
