"""What was measured of operators on grids of codes, as data, and the verdicts on them."""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self, get_args

from augalgebra.consistency.grids.quality import Quality
from augalgebra.notebooks import render_table
from augalgebra.plain import PlainData, count_of, finite, pick

Way = Literal["operator", "plain", "round trip", "floor", "identity"]
"""The operator; the plain move of the grid; decode, move and encode again; encode the moved picture; do nothing."""
GridVerdict = Literal["fails", "usable", "holds", "vacuous"]

WAYS: tuple[Way, ...] = get_args(Way)
SHARE = 0.9
"""Share of the way from the plain move to the floor, in dB, from which on a word holds."""
TELLING = 0.1
"""Decibels below which nothing is told apart."""
ROUNDING = 1e-3
"""Decibels that rounding may cost a way that computes the same as another."""

_ORDER: tuple[GridVerdict, ...] = get_args(GridVerdict)


@dataclass(frozen=True)
class CropScore(PlainData):
    """What an operator makes of one crop.

    Attributes:
        number: Which crop, from 1 on.
        psnr: What the operator reaches on it, in dB.
        floor: What encoding the moved crop reaches, in dB.
        share: How much of the way in dB from the base to the floor is made; None where there is no way to make.
    """

    number: int
    psnr: float
    floor: float
    share: float | None


@dataclass(frozen=True)
class GridScore(PlainData):
    """How well the codes of pictures are moved to those under a word.

    Attributes:
        word: The word.
        route: The word whose operator moves them: the normal form, where the laws simplify the word.
        ways: By name what was measured of each way. ``plain`` is missing where the stride allows no plain move,
            ``identity`` where the word changes the size of pictures.
        parts: PSNR in dB by part and way: ``inside`` and ``border`` of a word that tears neighbours apart, such as a
            roll; else nothing.
        spellings: How many of the words that were asked for are this one by the laws.
        crops: PSNR of each crop in dB by way, since means hide the worst.
    """

    word: str
    route: str
    ways: Mapping[Way, Quality]
    parts: Mapping[str, Mapping[Way, float]]
    spellings: int = 1
    crops: Mapping[Way, tuple[float, ...]] = field(default_factory=dict)
    in_json = (
        *("word", "route as operator", "verdict", "share", "bar_db", "bar", "psnr", "base", "worst_crop"),
        *("lowest_share", "ways", "parts", "spellings", "crops"),
    )

    @classmethod
    def of_dict(cls, data: Mapping[str, Any]) -> Self:
        """What `to_dict` wrote.

        Raises:
            KeyError, TypeError, AttributeError: It is something else.
        """
        ways = {way: Quality(**quality) for way, quality in data["ways"].items()}
        crops = {way: tuple(psnr) for way, psnr in data["crops"].items()}
        return cls(data["word"], data["operator"], ways, data["parts"], data["spellings"], crops)

    @property
    def psnr(self) -> float:
        """What the operator reaches, in dB."""
        return self.ways["operator"].psnr

    @property
    def floor(self) -> float:
        """What encoding the moved picture reaches, in dB: no operator need be better."""
        return self.ways["floor"].psnr

    @property
    def base(self) -> Way:
        """What the operator has to improve on: the plain move, or doing nothing where there is none."""
        return base_of(self.ways)

    @property
    def share(self) -> float | None:
        """How much of the way in dB from the base to the floor is made; None where there is no way to make."""
        return _share(self.psnr, self.ways[self.base].psnr, self.floor)

    @property
    def crop_scores(self) -> tuple[CropScore, ...]:
        """What the operator makes of each crop."""
        each = zip(*(self.crops.get(way, ()) for way in ("operator", self.base, "floor")), strict=True)
        return tuple(
            CropScore(number, psnr, floor, _share(psnr, base, floor))
            for number, (psnr, base, floor) in enumerate(each, start=1)
        )

    @property
    def worst_crop(self) -> CropScore | None:
        """The crop with the lowest PSNR; None where crops were not told apart."""
        return min(self.crop_scores, key=lambda crop: crop.psnr, default=None)

    @property
    def lowest_share(self) -> float | None:
        """The least share of the way that is made on a crop; None where there is no way to make on any."""
        return min((crop.share for crop in self.crop_scores if crop.share is not None), default=None)

    @property
    def vacuous(self) -> bool:
        """Whether doing nothing comes as near as the floor, so that nothing can be told."""
        return "identity" in self.ways and self.ways["identity"].psnr >= self.floor - TELLING

    @property
    def bar_db(self) -> float:
        """PSNR from which on the word holds, in dB."""
        return self._bar[0]

    @property
    def bar(self) -> str:
        """The bar that the word was judged by, for people."""
        if self.vacuous:
            return "doing nothing comes as near as the floor, so that nothing can be told"
        if self.verdict == "fails":
            return f"above {self.base} ({self.ways[self.base].psnr:.2f} dB) to be of use"
        return self._bar[1]

    @property
    def _bar(self) -> tuple[float, str]:
        return bar_of({way: quality.psnr for way, quality in self.ways.items()})

    @property
    def verdict(self) -> GridVerdict:
        """``holds`` from the bar on, ``usable`` above the base, else ``fails``; ``vacuous`` where nothing is told."""
        if self.vacuous:
            return "vacuous"
        if self.psnr >= self.bar_db:
            return "holds"
        return "usable" if self.psnr > self.ways[self.base].psnr else "fails"

    @property
    def counts(self) -> bool:
        """Whether anything can be told from it."""
        return not self.vacuous


@dataclass(frozen=True)
class Drift(PlainData):
    """What adds up when moved codes are saved and moved again.

    Attributes:
        word: The word.
        back: The word that takes turns with it: its inverse; or the word itself, where it is one or has none.
        applications: After how many applications it was looked.
        psnr: What is drawn then, against the true picture, in dB.
        floor: What encoding that picture reaches.
    """

    word: str
    back: str
    applications: tuple[int, ...]
    psnr: tuple[float, ...]
    floor: tuple[float, ...]
    in_json = "word", "back", "applications", "psnr", "floor", "lost"

    @property
    def lost(self) -> tuple[float, ...]:
        """Decibels lost against the first application."""
        return tuple(self.psnr[0] - value for value in self.psnr)


@dataclass(frozen=True)
class RelationDefect(PlainData):
    """How far operators are from fulfilling an equation.

    Attributes:
        equation: The equation between words.
        defect: ‖a − b‖ / ‖b‖ of codes moved by its two sides, each multiplied out letter by letter.
        source: ``law`` for one that is declared or follows; ``composition`` where the operator kept for a product is
            compared with the product of the operators.
    """

    equation: str
    defect: float
    source: str = "law"


@dataclass(frozen=True)
class GridCost(PlainData):
    """What moving codes costs beside its alternatives.

    Attributes:
        operator_rate: Images a second that the operators move, on average over the words.
        round_trip_rate: Images a second that are decoded, moved and encoded again.
        batch: Images at a time.
        device: Where.
        code_bytes: Bytes of the code of one image, as float16.
        views: Views that the words lead to, the original included.
        operator_bytes: Bytes of all operators.
    """

    operator_rate: float
    round_trip_rate: float
    batch: int
    device: str
    code_bytes: int
    views: int
    operator_bytes: int
    in_json = (
        *("operator_rate", "round_trip_rate", "speedup", "batch", "device", "code_bytes", "views"),
        *("all_views_bytes", "operator_bytes"),
    )

    @property
    def speedup(self) -> float:
        """How many times as fast the operators are."""
        return self.operator_rate / self.round_trip_rate

    @property
    def all_views_bytes(self) -> int:
        """Bytes of one image stored under every view."""
        return self.code_bytes * self.views


@dataclass(frozen=True)
class GridReport(PlainData):
    """How operators on grids of codes do on pictures that they were not fitted on.

    Attributes:
        scores: One for each element that the words lead to, in their order.
        drift: What adds up over saved results.
        relations: How far the operators are from the laws, largest first.
        cost: Time and bytes; None if nothing was timed.
        images: Number of crops.
        size: Height and width of a crop in pixels.
        remarks: What was not measured, and why.
    """

    scores: tuple[GridScore, ...]
    drift: tuple[Drift, ...]
    relations: tuple[RelationDefect, ...]
    cost: GridCost | None
    images: int
    size: tuple[int, int]
    remarks: tuple[str, ...] = ()

    @classmethod
    def of_dict(cls, data: Mapping[str, Any]) -> Self:
        """What `to_dict` wrote, worst first.

        Raises:
            KeyError, TypeError, AttributeError: It is something else.
        """
        cost = data["cost"]
        return cls(
            tuple(map(GridScore.of_dict, data["words"])),
            tuple(
                Drift(item["word"], item["back"], *(tuple(item[name]) for name in ("applications", "psnr", "floor")))
                for item in data["drift"]
            ),
            tuple(RelationDefect(**item) for item in data["relations"]),
            cost and GridCost(**{field.name: cost[field.name] for field in fields(GridCost)}),
            data["images"],
            (data["size"][0], data["size"][1]),
            tuple(data["remarks"]),
        )

    def _repr_html_(self) -> str:
        rows = [
            (
                score.word,
                score.verdict,
                *(score.ways[way].psnr if way in score.ways else math.nan for way in WAYS),
                score.share,
                score.worst_crop.psnr if score.worst_crop else None,
                score.lowest_share,
            )
            for score in self.worst_first
        ]
        headings = ["word", "verdict", *WAYS, "share", "worst crop", "lowest share"]
        return render_table(headings, rows, f"PSNR in dB on {self.images} crops")

    @property
    def worst_first(self) -> tuple[GridScore, ...]:
        """Those that fail first, then by what they miss of their bar."""
        return tuple(sorted(self.scores, key=lambda item: (_ORDER.index(item.verdict), item.psnr - item.bar_db)))

    @property
    def worst(self) -> GridScore | None:
        """The worst word that counts."""
        return next((score for score in self.worst_first if score.counts), None)

    @property
    def counted(self) -> str:
        """How many words hold, are usable, fail or tell nothing."""
        counts = Counter(score.verdict for score in self.scores)
        verbs = {"holds": "hold", "fails": "fail"}
        told = ", ".join(f"{counts[verdict]} {verbs.get(verdict, verdict)}"
                         for verdict in reversed(_ORDER) if counts[verdict])  # fmt: skip
        return f"of {count_of(len(self.scores), 'element')} {told}"

    def failing(self, bar: float) -> str:
        """Why a bar is missed; empty if it is met.

        Args:
            bar: The least share of the way from the plain move to the floor that every word has to make.
        """
        told = [score for score in self.scores if score.counts]
        if not told:
            return "no word counts"
        short = [score for score in told if score.psnr < score.floor - (1 - bar) * _way(score)]
        if not short:
            return ""
        least = min(short, key=lambda score: score.psnr - score.floor)
        made = f"{least.share:.1%} of the way" if least.share is not None else f"{least.psnr:.2f} dB"
        return f"{least.word} makes {made}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, worst first."""
        told = [score for score in self.scores if score.counts]
        shares, lowest = (
            [value for value in values if value is not None]
            for values in ([score.share for score in told], [score.lowest_share for score in told])
        )
        return {
            "kind": "grid",
            "images": self.images,
            "size": list(self.size),
            "counted": self.counted,
            "worst_share": finite(min(shares, default=math.nan)),
            "lowest_share": finite(min(lowest, default=math.nan)),
            "words": [score.to_dict() for score in self.worst_first],
            **pick(self, ("drift", "relations", "cost", "remarks")),
        }


def base_of(ways: Collection[Way]) -> Way:
    """What an operator has to improve on, of the ways that there are."""
    return next((way for way in ("plain", "identity") if way in ways), "round trip")


def bar_of(psnr: Mapping[Way, float]) -> tuple[float, str]:
    """The PSNR from which on a word holds, in dB, and the same for people.

    Args:
        psnr: What each way reaches, in dB.
    """
    base, floor = base_of(psnr), psnr["floor"]
    bar = floor - max((1 - SHARE) * (floor - psnr[base]), TELLING)
    through_pixels = psnr["round trip"] - ROUNDING
    if through_pixels >= bar:
        return through_pixels, f"the round trip through pixels, {through_pixels:.2f} dB"
    return bar, f"{SHARE:.0%} of the way from {base} to floor, {bar:.2f} dB"


def _share(psnr: float, base: float, floor: float) -> float | None:
    return (psnr - base) / (floor - base) if floor - base > TELLING else None


def _way(score: GridScore) -> float:
    return max(score.floor - score.ways[score.base].psnr, TELLING)
