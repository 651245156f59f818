"""All comparisons of latent spaces, one after the other, kept in a folder as they are finished."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from augalg_slides.baselines.trained_networks import BaselineConfig, BaselineNetworks
from augalg_slides.evidence.claims import Claim, pool
from augalg_slides.reproduction.claiming import claim_folder
from augalg_slides.reproduction.comparisons import COMPARISONS, ComparisonName
from augalg_slides.reproduction.context import list_origins
from augalgebra import __version__
from augalgebra.catalog import Catalog
from augalgebra.consistency import MEASURE
from augalgebra.data import Dataset
from augalgebra.errors import AugalgebraError
from augalgebra.storage import digest_of, keep, load_cached
from augalgebra.training import Limit, Progress, silent

WHAT = "comparison"
"""What a result says it is."""
MARK = "compare.json"
"""The file that tells a folder of these results from others."""


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


@dataclass(frozen=True)
class FailedComparison:
    """A comparison with one seed that could not be made.

    Attributes:
        experiment: Which one.
        seed: Its seed.
        reason: Why, in one line.
        error: What was raised.
    """

    experiment: ComparisonName
    seed: int
    reason: str
    error: Exception


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
) -> Iterator[CachedResult | FailedComparison]:
    """Make comparisons; those that the folder holds already are not made again.

    Networks that several comparisons need are trained once for each seed. Whatever is raised in a comparison ends that
    one only.

    Args:
        folder: Where results and pictures are kept, as ``NAME-SEED.json`` and ``.png``; missing folders are made.
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
        RunError: The folder holds something else, or results of other settings, images or augmentations.
        AugalgebraError: An augmentation is unknown.
    """
    size = size or BaselineConfig()
    settings = _settings(dataset, catalog, budget, size)
    _claim(folder, settings, dataset, size)
    for seed in seeds:
        networks = BaselineNetworks(dataset, catalog, budget, seed, size, progress)
        for experiment in experiments:
            yield _read(folder, experiment, seed, settings) or _made(folder, experiment, networks, settings)


def kept_comparisons(
    folder: Path, dataset: Dataset, catalog: Catalog, *, budget: Limit, size: BaselineConfig | None = None
) -> tuple[CachedResult, ...]:
    """All results that a folder holds, as `compare` would take them over; nothing is made.

    Raises:
        RunError: A file is damaged, or is something else.
        AugalgebraError: An augmentation is unknown.
    """
    settings = _settings(dataset, catalog, budget, size or BaselineConfig())
    found = [
        _read(folder, experiment, seed, settings) for experiment in COMPARISONS for seed in _seeds(folder, experiment)
    ]
    return tuple(result for result in found if result is not None)


def _settings(dataset: Dataset, catalog: Catalog, budget: Limit, size: BaselineConfig) -> str:
    labels = [split.labels.tolist() for split in (dataset.train, dataset.test)]
    return digest_of(
        __version__,
        MEASURE,
        dataset.fingerprint,
        digest_of(labels),
        asdict(budget),
        asdict(size),
        list_origins(catalog, size.augmentations),
    )


def _claim(folder: Path, settings: str, dataset: Dataset, size: BaselineConfig) -> None:
    claim_folder(
        folder / MARK,
        "comparisons",
        settings,
        {"data": dataset.name, "augmentations": list(size.augmentations)},
        lambda before: (
            f"comparisons on {before.get('data')} of {' and '.join(map(str, before.get('augmentations', ())))}, made "
            "with other settings or other plugins"
        ),
    )


def _seeds(folder: Path, experiment: ComparisonName) -> list[int]:
    """The seeds that a folder has a result of."""
    names = (path.stem.removeprefix(f"{experiment}-") for path in folder.glob(f"{experiment}-*.json"))
    return sorted(int(name) for name in names if name.removeprefix("-").isdecimal())


def _read(folder: Path, experiment: ComparisonName, seed: int, settings: str) -> CachedResult | None:
    path = folder / f"{experiment}-{seed}.json"
    picture = path.with_suffix(".png")
    found = load_cached(path, WHAT, settings)
    if found is None or not picture.is_file():
        return None
    return CachedResult(experiment, seed, found["answer"], found["text"], picture, fresh=False)


def _made(
    folder: Path, experiment: ComparisonName, networks: BaselineNetworks, settings: str
) -> CachedResult | FailedComparison:
    path = folder / f"{experiment}-{networks.seed}.json"
    picture = path.with_suffix(".png")
    try:
        result = COMPARISONS[experiment].measure(networks)
        COMPARISONS[experiment].draw(result, picture)
    except Exception as error:  # noqa: BLE001 (whatever one comparison raises, the others are made)
        reason = str(error) if isinstance(error, AugalgebraError) else f"{type(error).__name__}: {error}"
        return FailedComparison(experiment, networks.seed, reason, error)
    made = CachedResult(experiment, networks.seed, result.to_dict(), result.to_markdown(), picture, fresh=True)
    keep(path, WHAT, settings, {"answer": made.answer, "text": made.text})
    return made


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
