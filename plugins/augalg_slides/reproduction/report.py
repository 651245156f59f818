"""What reproducing the slides comes to: the table of claims, a section for each experiment, one document."""

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from augalg_slides.evidence.claims import Claim, pool
from augalg_slides.reproduction.context import TrainedClaim
from augalg_slides.reproduction.registry import EXPERIMENTS, Experiment
from augalg_slides.reproduction.reproduce import ItemResult
from augalgebra import __version__
from augalgebra.documents import HOLDS, Block, ClaimRow, Document, Section, Table, Text, to_markdown, write_html
from augalgebra.markdown import markdown_table
from augalgebra.plain import PlainData, to_plain
from augalgebra.storage import write_atomically, write_json

CLAIMS, CLAIMS_JSON, REPORT = "claims.md", "claims.json", "report.html"
_TITLE = "The slides' claims"


@dataclass(frozen=True)
class Row(PlainData):
    """A row of the table of claims.

    Attributes:
        item: The experiment.
        training: With which training; empty where an experiment compares several itself.
        claim: The claim, over all seeds.
        seeds: The seeds.
        verdicts: Whether it holds, by seed; one for all where they were judged together.
    """

    item: Experiment
    training: str
    claim: Claim
    seeds: tuple[int, ...]
    verdicts: tuple[bool | None, ...]
    in_json = "item.name as experiment", "training", "seeds", "verdicts"

    @property
    def verdict(self) -> str:
        """Whether it holds, and with how many seeds where they disagree."""
        text = HOLDS[self.claim.holds]
        if len(set(self.verdicts)) > 1:
            text += f" (holds with {self.verdicts.count(True)} of {len(self.verdicts)} seeds)"
        return text

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return super().to_dict() | self.claim.to_dict()


@dataclass(frozen=True)
class Origin:
    """How results came about.

    Attributes:
        command: What was typed.
        data: Name of the data set.
        images: How many images it has for training and for testing.
        plan: Name of the plan.
        device: Where was trained.
    """

    command: str
    data: str
    images: tuple[int, int]
    plan: str
    device: str

    def sentence(self, results: Sequence[ItemResult]) -> str:
        """All of it as a sentence or two, with the seeds of the results and the machine."""
        seeds = _seed(sorted({seed for result in results for seed in result.seeds}))
        train, test = self.images
        kept = sum(not result.fresh for result in results)
        earlier = f" {kept} of {len(results)} results were there already, and may come from elsewhere." if kept else ""
        return (
            f"Made by `{self.command}`: {self.data} ({train} training and {test} test images), plan {self.plan}, "
            f"{seeds}; on {_machine(self.device)}; augalgebra {__version__}, Python "
            f"{platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}. A row says with how many "
            "seeds it was measured; a claim holds if it does with each of them. Nothing was tuned until it agreed."
            f"{earlier}"
        )


def rows_of(results: Sequence[ItemResult]) -> tuple[Row, ...]:
    """The claims of all seeds, each once, in the order of the experiments."""
    rows: list[Row] = []
    for item, same in _by_item(results):
        own: list[Row] = []
        done = [result for result in same if result.found is not None]
        trainings = dict.fromkeys(stated.training for result in done for stated in _claims(result))
        for training in trainings:
            runs = [[stated.claim for stated in _claims(result) if stated.training == training] for result in done]
            for claim in pool(runs):
                key = claim.slide, claim.text
                of_seeds = [
                    (result.seeds, other.holds)
                    for result, claims in zip(done, runs, strict=True)
                    for other in claims
                    if (other.slide, other.text) == key
                ]
                seeds = tuple(seed for own, _ in of_seeds for seed in own)
                own.append(Row(item, training, claim, seeds, tuple(holds for _, holds in of_seeds)))
        # one claim with every training, then the next
        order = list(dict.fromkeys((row.claim.slide, row.claim.text) for row in own))
        rows += sorted(own, key=lambda row: order.index((row.claim.slide, row.claim.text)))
    return tuple(rows)


def write_report(results: Sequence[ItemResult], folder: Path, origin: Origin) -> dict[str, Path]:
    """Write the table of claims, a section for each experiment, and the document with all of them.

    Args:
        results: What became of the experiments.
        folder: Where their pictures lie, and where everything goes.
        origin: How they came about.

    Returns:
        The files by name.
    """
    rows, about = rows_of(results), origin.sentence(results)
    files = {name: folder / name for name in (CLAIMS, CLAIMS_JSON, REPORT)}
    write_atomically(files[CLAIMS], _claims_page(results, rows, about))
    answer = to_dict(results, rows, about)
    write_json(files[CLAIMS_JSON], answer)
    for item, same in _by_item(results):
        files[f"{item.name}.md"] = folder / f"{item.name}.md"
        write_atomically(files[f"{item.name}.md"], _item_page(item, same, [row for row in rows if row.item is item]))
    write_html(document(results, rows, about), files[REPORT])
    return files


def to_dict(results: Sequence[ItemResult], rows: Sequence[Row], about: str) -> dict[str, Any]:
    """Everything but pictures as plain data for JSON."""
    return {
        "about": about,
        "claims": to_plain(rows),
        "experiments": [
            {
                "experiment": result.item.name,
                "seeds": list(result.seeds),
                "seconds": round(result.seconds, 1),
                "failure": result.failure or None,
                "notes": list(result.notes),
            }
            for result in results
        ],
        "failed": [result.item.name for result in results if result.failure],
    }


def document(results: Sequence[ItemResult], rows: Sequence[Row], about: str) -> Document:
    """The report: verdicts that lead to sections, and what each experiment shows with its first seed."""
    verdicts = [
        ClaimRow(
            f"slide {row.claim.slide}",
            row.claim.text + (f" ({row.training})" if row.training else ""),
            f"{row.claim.measured} {_of(row.seeds)}",
            row.claim.holds,
            row.item.name,
        )
        for row in rows
    ]
    sections = []
    for item, same in _by_item(results):
        blocks: list[Block] = [Text(f"Slides {item.slides}. {item.about}"), *_shown(same)]
        sections.append(Section(item.title, item.name, tuple(blocks)))
        verdicts += [
            ClaimRow(f"slide {item.slides}", item.title, f"failed: {result.failure}", None, item.name)
            for result in same
            if result.failure
        ]
    sections.append(Section("How long it took", "seconds", (_seconds(results),)))
    return Document(_TITLE, about, tuple(sections), tuple(verdicts))


def _shown(results: Sequence[ItemResult]) -> Iterator[Block]:
    """What an experiment shows with the first seed that it did not fail with."""
    for result in results:
        if result.failure:
            yield Text(f"With {_seed(result.seeds)} it failed: {result.failure}")
    done = [result for result in results if result.found is not None]
    if len(done) > 1:
        others = ", ".join(str(seed) for result in done[1:] for seed in result.seeds)
        yield Text(f"Shown is {_seed(done[0].seeds)}; the same of {others} lies beside this document.")
    for result in done[:1]:
        yield from () if result.found is None else result.found.blocks


def _seconds(results: Sequence[ItemResult]) -> Table:
    rows = tuple((result.item.title, _seed(result.seeds), round(result.seconds, 1)) for result in results)
    total = sum(result.seconds for result in results)
    return Table(f"Seconds: {total:.0f} in all", ("experiment", "with", "seconds"), rows, digits=1)


def _claims_page(results: Sequence[ItemResult], rows: Sequence[Row], about: str) -> str:
    cells = [["slide", "claim", "trained", "measured", "verdict", "seeds"]]
    cells += [
        [
            row.claim.slide,
            f"[{row.claim.text}]({row.item.name}.md)",
            row.training,
            row.claim.measured,
            row.verdict,
            str(len(row.seeds)),
        ]
        for row in rows
    ]
    cells += [
        [result.item.slides, result.item.title, "", f"failed: {result.failure}", "-", str(len(result.seeds))]
        for result in results
        if result.failure
    ]
    cells = [[" ".join(cell.split()) for cell in row] for row in cells]
    return f"# {_TITLE}\n\n{markdown_table(cells)}\n\n{about}\n\n{to_markdown(_seconds(results))}\n"


def _item_page(item: Experiment, results: Sequence[ItemResult], rows: Sequence[Row]) -> str:
    parts = [f"# {item.title}", f"Slides {item.slides}. {item.about}"]
    for row in rows:
        trained = f" ({row.training})" if row.training else ""
        parts.append(f"**{row.claim.text}{trained}: {row.verdict}.** {row.claim.measured} {_of(row.seeds)}")
    parts += [to_markdown(block) for block in _shown(results)]
    return "\n\n".join(parts) + "\n"


def _by_item(results: Sequence[ItemResult]) -> list[tuple[Experiment, list[ItemResult]]]:
    """Results by experiment, in the order of the report."""
    same: dict[str, list[ItemResult]] = {}
    for result in results:
        same.setdefault(result.item.name, []).append(result)
    order = list(EXPERIMENTS)
    found = sorted(same.items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order))
    return [(results[0].item, results) for _, results in found]


def _claims(result: ItemResult) -> tuple[TrainedClaim, ...]:
    return () if result.found is None else result.found.claims


def _of(seeds: Sequence[int]) -> str:
    return f"[{_seed(seeds)}]"


def _seed(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _machine(device: str) -> str:
    """Processor and cores, and the GPU if that is where was trained."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parts = [f"{_processor()}, {cores} core{'s' if cores > 1 else ''}"]
    if torch.cuda.is_available() and device != "cpu":
        parts.append(torch.cuda.get_device_name())
    return ", ".join(parts)


def _processor() -> str:
    """What the processor is called; only Linux knows more than its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
