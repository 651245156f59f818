"""What a demonstration finds, as data, as JSON and as a Markdown document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from augalgebra.checks.results import LawReport
from augalgebra.consistency.report import CompositionReport
from augalgebra.plain import PlainData, pick
from augalgebra.reports.composition_table import as_markdown, composition_rows
from augalgebra.runs.storage.records import Mode, Transfer

_EXPLAINED: Mapping[Mode, str] = {
    "relabel": (
        "{new} reuse the operators of {old}: encoded are images under the old augmentations, and a new head draws the "
        "new ones in their place."
    ),
    "extend": (
        "{new} have operators of their own, fitted on the frozen encoder, which has never seen such images. A gap "
        "ratio below 1 says that moved codes are drawn better than direct ones."
    ),
}


@dataclass(frozen=True)
class Survey:
    """How the words of the trained augmentations survive with one set of operators.

    Attributes:
        fit: Where the operators come from.
        short: The original, each augmentation and the products of two.
        longer: All words up to a few letters.
    """

    fit: str
    short: CompositionReport
    longer: CompositionReport

    @property
    def worst(self) -> str:
        """The worst of all words, as a sentence."""
        score = self.longer.worst
        told = f"{self.fit}: {self.longer.counted}"
        if score is None:
            return told
        return (
            f"{told}; worst ×{score.gap_ratio:.3f}, {score.word} from {score.view} "
            f"(×{score.identity_ratio:.2f} if nothing is moved)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        longer = {"cases": len(self.longer.words)} | pick(self.longer, ("worst", "verdicts"))
        return {"fit": self.fit, **self.short.to_dict(), "longer": longer}


@dataclass(frozen=True)
class TransferResult(PlainData):
    """One way to draw new augmentations in a trained latent space.

    Attributes:
        transfer: The head and how it came about.
        augmentations: The new augmentations, in short names.
        report: What was measured with the head.
    """

    transfer: Transfer
    augmentations: tuple[str, str]
    report: CompositionReport
    in_json = "transfer.mode as mode", "transfer.meanings as meanings", "transfer.ended as ended", "total"

    @property
    def total(self) -> float:
        """The loss of the original, both augmentations and their composition together, in nats per image."""
        first, second = self.augmentations
        return self.report.total(["id", first, second, f"{first} * {second}"])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return super().to_dict() | self.report.to_dict()


@dataclass(frozen=True)
class Findings(PlainData):
    """What a demonstration found; nothing in it depends on time or place.

    Attributes:
        trained: The augmentations that the latent space was trained on.
        laws: Verdicts on the laws of all augmentations in use.
        exact: Composition with the operators of the run.
        published: Composition with operators by the published recipe on the same encoder.
        transfers: For each mode of stage 3, how other augmentations do.
    """

    trained: tuple[str, str]
    laws: LawReport
    exact: Survey
    published: Survey
    transfers: Mapping[Mode, TransferResult]
    in_json = "published", "transfers as transfer", "laws"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; composition with the run's operators stands at the top, as ``check`` gives it."""
        return self.exact.to_dict() | super().to_dict()

    def to_markdown(self) -> str:
        """A document with every table."""
        short = self.exact.short
        old = _listed(self.trained)
        table = as_markdown(composition_rows(short), {self.published.fit: composition_rows(self.published.short)})
        unclear = self.laws.count("vacuous") + self.laws.count("not checked")
        about = (
            f"Losses are binary cross-entropies in nats per image, means over {short.images} test images. The entropy "
            "is what even a perfect drawing costs, and the excess what a loss is beyond it. The floor is the loss of "
            "encoding and decoding a view directly. The gap ratio is the excess after moving codes, over that of the "
            "floor; 1 is perfect. Beside it stands what it would be if nothing were moved. Where that is less than "
            "1.1 a word is vacuous, and where the laws reduce it to doing nothing it is trivial; neither counts."
        )
        worst = f"Over {len(self.exact.longer.words)} pairs of a view and a word, longer ones among them:\n"
        sections = [
            f"# {old}: laws, latent space, transfer",
            about,
            f"## Laws on images\n\n{self.laws.count('holds')} hold, {self.laws.violated} violated, {unclear} unclear.",
            f"## Composition\n\n{table}",
            "\n".join([worst, f"- {self.exact.worst}", f"- {self.published.worst}"]),
            *(self._transfer(mode, result, old) for mode, result in self.transfers.items()),
        ]
        return "\n\n".join(sections) + "\n"

    def _transfer(self, mode: Mode, result: TransferResult, old: str) -> str:
        new = _listed(result.augmentations)
        paragraphs = [
            f"## Transfer to {new}: {mode}",
            _EXPLAINED[mode].format(new=new, old=old),
            f"Original, {new} and their composition together: {result.total:.1f} nats.",
            as_markdown(composition_rows(result.report)),
            *(
                f"{order.first} and {order.second} differ by {order.true_difference:.3f} (root mean square of the "
                f"pixels); as drawn they differ by {order.drawn_difference:.3f}."
                + (" One order is drawn like the other." if order.mistaken else "")
                for order in result.report.orders
            ),
        ]
        return "\n\n".join(paragraphs)


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(names)
