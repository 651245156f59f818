"""What ``run.toml`` and ``metrics.jsonl`` say of a run, each value looked at before it is used."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from augalgebra.errors import AugalgebraError, RunError
from augalgebra.runs.storage.files import SETTINGS, Pointer
from augalgebra.storage.values import Fields, parse_json
from augalgebra.training.settings import UNSAID, TrainSettings

Ending = Literal["limit", "interrupted", "diverged", "unfinished"]
"""Why training ended: its limit, somebody, a loss that was not finite; or not yet."""

Mode = Literal["relabel", "extend"]
"""How stage 3 finds operators for new augmentations: it reuses trained ones, or fits new ones."""

GRID = "grid"
"""What ``run.toml`` says of a run whose codes are grids: its ``kind``."""

CAUSAL = "causal"
"""The same of a causal model."""

_DAMAGED = "train it again"


@dataclass(frozen=True)
class Transfer:
    """A head that stage 3 trained.

    Attributes:
        head: Its name.
        augmentations: The new augmentations, in full names.
        mode: ``relabel`` or ``extend``.
        operators: For each new augmentation the one whose operator leads to where the head draws it; itself if it
            was given an operator of its own.
        steps: Steps made.
        ended: Why training ended.
        origin: Digest of the augmentations and operators that it was trained on; empty if that was not kept.
    """

    head: str
    augmentations: tuple[str, ...]
    mode: Mode
    operators: tuple[str, ...]
    steps: int
    ended: Ending
    origin: str = ""

    @property
    def meanings(self) -> dict[str, str]:
        """The augmentation whose operator stands for each new one."""
        return dict(zip(self.augmentations, self.operators, strict=True))


@dataclass(frozen=True)
class RunRecord:
    """What ``run.toml`` says.

    Attributes:
        settings: What was asked for.
        steps: Steps of stage 1.
        ended: Why stage 1 ended.
        encoder: Fingerprint of the encoder.
        data: Name, fingerprint and sizes of the data set.
        transfers: Heads of stage 3, by name.
    """

    settings: TrainSettings
    steps: int
    ended: Ending
    encoder: str
    data: Mapping[str, Any]
    transfers: dict[str, Transfer]

    @classmethod
    def of(cls, folder: Path, pointer: Pointer) -> "RunRecord":
        """Read it from the pointer of a run's folder.

        Raises:
            RunError: Something is missing, or is not of the type or in the range that it must be.
        """
        whole = Fields(pointer.tables, str(folder / SETTINGS), RunError, _DAMAGED)
        run = whole.table("run")
        if run.data.get("kind") == GRID:
            raise RunError(
                f"{folder} holds operators of an autoencoder that somebody else trained ('augalg operators --space'); "
                "this needs a latent space that 'augalg train' made"
            )
        if run.data.get("kind") == CAUSAL:
            raise RunError(
                f"{folder} is a causal model, which 'augalg causal' asks and changes; this needs a latent space that "
                "'augalg train' made"
            )
        settings = whole.table("settings")
        try:
            read = TrainSettings.from_dict({**UNSAID, **settings.data})
        except AugalgebraError as error:
            raise settings.failed(f"{settings.where}: {error}") from error
        heads = whole.table("transfer") if "transfer" in whole else whole.within("transfer", {})
        return cls(
            read,
            run.whole("steps"),
            run.one_of("ended", get_args(Ending)),
            run.digest("encoder"),
            _data(whole.table("data")).data if "data" in whole else {},
            {name: _transfer(name, heads.table(name)) for name in heads.data},
        )


def read_metrics(path: Path, content: bytes) -> list[dict[str, Any]]:
    """The entries of ``metrics.jsonl``.

    Args:
        path: The file, for messages.
        content: What it holds.

    Raises:
        RunError: It is damaged.
    """
    entries = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            entry = Fields(parse_json(line), f"{path}: line {number}", RunError, _DAMAGED)
        except ValueError as error:
            raise RunError(f"{path} is damaged: line {number}: {error}; {_DAMAGED}") from error
        entry.text("stage")
        entry.whole("epoch")
        entry.whole("steps")
        entry.number("loss")
        terms = entry.table("terms")
        for name in terms.data:
            terms.number(name)
        if "head" in entry:
            entry.text("head")
        entries.append(dict(entry.data))
    return entries


def _data(data: Fields) -> Fields:
    for key in {"name", "fingerprint"} & data.data.keys():
        data.text(key)
    for key in {"train", "test"} & data.data.keys():
        data.whole(key)
    return data


def _transfer(name: str, item: Fields) -> Transfer:
    augmentations, operators = item.texts("augmentations", 1000), item.texts("operators", 1000)
    if len(augmentations) != len(operators):
        raise item.failed(f"{item.where} has {len(augmentations)} augmentations and {len(operators)} operators")
    return Transfer(
        name,
        augmentations,
        item.one_of("mode", get_args(Mode)),
        operators,
        item.whole("steps"),
        item.one_of("ended", get_args(Ending)),
        item.text("origin") if "origin" in item else "",
    )
