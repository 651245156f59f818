"""All comparisons of latent spaces, one after the other, kept in a folder as they are finished."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from augalg_slides.baselines.trained_networks import BaselineConfig, BaselineNetworks
from augalg_slides.evidence.claims import Claim, pool
from augalg_slides.reproduction.comparisons import COMPARISONS, ComparisonName
from augalgebra import __version__
from augalgebra.catalog import Catalog
from augalgebra.consistency import MEASURE
from augalgebra.data import Dataset
from augalgebra.storage import digest_of, keep, load_cached
from augalgebra.training import Limit, Progress, silent

WHAT = "comparison"
"""What a result says it is."""


@dataclass(frozen=True)
class CachedResult:
    """A comparison with one seed, as it lies in its folder.

    Attributes:
        experiment: Which one.
        seed: Its seed.
        answer: What `Comparison.to_dict` said.
        text: What `Comparison.to_markdown` said.
        picture: The PNG.
        fresh: Whether it was computed now.
    """

    experiment: ComparisonName
    seed: int
    answer: Mapping[str, Any]
    text: str
    picture: Path
    fresh: bool

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims."""
        return tuple(map(Claim.from_dict, self.answer["claims"]))


def compare(
    folder: Path,
    dataset: Dataset,
    catalog: Catalog,
    *,
    experiments: Sequence[ComparisonName] = tuple(COMPARISONS),
    seeds: Sequence[int] = (0,),
    budget: Limit,
    size: BaselineConfig | None = None,
    progress: Progress = silent,
) -> Iterator[CachedResult]:
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
    size = size or BaselineConfig()
    labels = [split.labels.tolist() for split in (dataset.train, dataset.test)]
    settings = digest_of(__version__, MEASURE, dataset.fingerprint, digest_of(labels), asdict(budget), asdict(size))
    for seed in seeds:
        networks = BaselineNetworks(dataset, catalog, budget, seed, size, progress)
        for experiment in experiments:
            path = folder / f"{experiment}-{seed}.json"
            picture = path.with_suffix(".png")
            found = load_cached(path, WHAT, settings)
            if found is not None and picture.is_file():
                yield CachedResult(experiment, seed, found["answer"], found["text"], picture, fresh=False)
                continue
            result = COMPARISONS[experiment].measure(networks)
            COMPARISONS[experiment].draw(result, picture)
            kept = CachedResult(experiment, seed, result.to_dict(), result.to_markdown(), picture, fresh=True)
            keep(path, WHAT, settings, {"answer": kept.answer, "text": kept.text})
            yield kept


def pooled_claims(results: Sequence[CachedResult]) -> tuple[Claim, ...]:
    """The claims of all seeds, each once."""
    return pool([result.claims for result in results])


def as_document(results: Sequence[CachedResult], about: str) -> str:
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
