"""Which laws may decide: a plugin speaks for its own augmentations; about others' its laws count once checked.

Such a law is checked on images where a question first meets it. The verdict is
remembered in the user's cache, one file for each law, by a digest of the law and of the source of every plugin in it.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from augalgebra._version import __version__
from augalgebra.algebra.laws import Law, Status
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.words import Word
from augalgebra.augmentation import Augmentation
from augalgebra.catalog.plugin import FIRST_PARTY, PluginInfo
from augalgebra.plain import to_plain
from augalgebra.storage.cache import recall, remember

FOLDER = "laws"
"""Name of the folder of verdicts in the user's cache."""


@dataclass(frozen=True)
class Judgement:
    """What came of checking a law on images.

    Attributes:
        verdict: As in `augalgebra.checks`; only a law that holds is reasoned with.
        reason: Why it does not hold, in one line.
    """

    verdict: str
    reason: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A law that bears on a question and was not used.

    Attributes:
        law: The law.
        reason: Why, in one line.
        violated: Whether that is because it does not hold.
    """

    law: Law
    reason: str
    violated: bool


LawJudge = Callable[[Law], Judgement]
NOBODY = Judgement("not checked", "it speaks of augmentations of other plugins, and nobody has checked it")
_STATUS: Mapping[str, Status] = {"holds": "checked", "violated": "violated"}


class Trust:
    """Tells laws that may decide from those that first have to be checked.

    Attributes:
        judge: Checks a law on images; without one, what is not remembered is left out.
        is_judging: Whether a law is being checked just now; questions on the way to that are answered without others.
        by_version: Plugins that are known by their version, since their source is a library's.
    """

    def __init__(
        self, augmentations: Mapping[str, Augmentation], plugins: Iterable[PluginInfo], judge: LawJudge | None
    ) -> None:
        self._augmentations = augmentations
        self._infos = {info.name: info for info in plugins}
        self._judgements: dict[Law, Judgement] = {}
        self._digests: dict[str, list[str]] = {}
        self.judge = judge
        self.is_judging = False
        self.by_version: frozenset[str] = frozenset()

    def initial(self, law: Law) -> Law:
        """The law with the status that it has before any question."""
        if law.status != "declared" or not law.plugin:
            return law
        home = self._home(law.plugin)
        if home == FIRST_PARTY:
            return replace(law, status="checked")
        foreign = {self._home(self._augmentations[symbol.name].plugin) for symbol in law.symbols} - {home}
        return replace(law, status="unchecked") if foreign else law

    def assume(self, law: Law) -> Law:
        """The law as somebody takes it for true; one that is known to be violated stays so."""
        judgement = self._judgements.get(_bare(law)) or self._recalled(_bare(law))
        if law.status not in ("declared", "unchecked") or (judgement and judgement.verdict == "violated"):
            return law
        return replace(law, status="assumed")

    def update(self, law: Law) -> Law:
        """The law with what has been found out about it."""
        if law.status not in ("declared", "unchecked"):
            return law
        judgement = self._judgements.get(_bare(law))
        return law if judgement is None else replace(law, status=_STATUS.get(judgement.verdict, law.status))

    def recall(self, law: Law) -> Law:
        """The law with what the user's cache says of it: checked, if it was found to hold and nothing has changed."""
        if law.status in ("declared", "unchecked"):
            found = self._recalled(_bare(law))
            if found is not None and found.verdict == "holds":
                return replace(law, status="checked")
        return law

    def remember(self, law: Law, judgement: Judgement) -> None:
        """Keep in the user's cache what was found out about a law, as long as nothing changes that it speaks of."""
        file = self._file(_bare(law))
        if file is not None and judgement.verdict != "not checked":
            remember(file, {"law": str(law), **to_plain(judgement)})

    def usable(self, letters: Sequence[Word], laws: Sequence[Law]) -> tuple[list[Law], list[LeftOut]]:
        """The laws as they may be used for questions about some letters, and those that bear on them and may not.

        A plugin's laws about its own augmentations have to be checked as well where the question is about none of
        these: linked to others' by a true law, false ones would decide about those.
        """
        asked = {self._home(self._augmentations[word.symbols[0].name].plugin) for word in letters}
        doubtful = {_bare(law) for law in laws if self._is_doubtful(law, asked)}
        status: dict[Law, Status] = {}
        left_out: list[LeftOut] = []
        pending: list[Law] = []
        while doubtful:
            tried = (replace(law, status=status.get(_bare(law), _hopeful(law, doubtful))) for law in laws)
            in_play = map(_bare, Presentation.around(letters, tried).laws)
            pending = [law for law in in_play if law in doubtful and law not in status]
            if not pending:
                break
            for law in pending:
                judgement = self._judgement(law)
                status[law] = _STATUS.get(judgement.verdict, "unchecked")
                if judgement.verdict != "holds":
                    left_out.append(LeftOut(law, _reason(judgement), judgement.verdict == "violated"))
        if not status:
            return list(laws), left_out
        return [replace(law, status=status.get(_bare(law), law.status)) for law in laws], left_out

    def _is_doubtful(self, law: Law, asked: set[str]) -> bool:
        if law.status == "declared":
            return bool(law.plugin) and self._home(law.plugin) not in asked
        return law.status == "unchecked" or (law.status == "violated" and _bare(law) in self._judgements)

    def _judgement(self, law: Law) -> Judgement:
        """What is known of a law, or is found out now."""
        if law not in self._judgements:
            found = self._recalled(law)
            if found is None and (self.judge is None or self.is_judging):
                return NOBODY
            self._judgements[law] = found or self._judged(law)
        return self._judgements[law]

    def _judged(self, law: Law) -> Judgement:
        assert self.judge is not None  # noqa: S101 - asked only where there is one
        self.is_judging = True
        try:
            found = self.judge(law)
        finally:
            self.is_judging = False
        self.remember(law, found)
        return found

    def _recalled(self, law: Law) -> Judgement | None:
        file = self._file(law)
        try:
            stored = {} if file is None else recall(file)
            if stored["verdict"] in ("holds", "violated", "vacuous"):
                return Judgement(stored["verdict"], str(stored["reason"]))
        except (KeyError, TypeError):  # nothing there, or nothing that this version wrote
            pass
        return None

    def _file(self, law: Law) -> Path | None:
        """Where the verdict on a law is remembered; None if one of its plugins has no source that could change."""
        import hashlib

        import platformdirs

        names = {law.plugin, *(self._augmentations[symbol.name].plugin for symbol in law.symbols)}
        parts = [__version__, str(law), law.kind, str(law.tolerance)]
        for name in sorted(names):
            known = self._known(name)
            if not known:
                return None
            parts += known
        key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        return Path(platformdirs.user_cache_dir("augalgebra")) / FOLDER / f"{key}.json"

    def _known(self, name: str) -> list[str]:
        """What tells a plugin from what it was or may become; nothing if it has no source that could change."""
        if name not in self._digests:
            info = self._infos.get(name)
            parts = [] if info is None else [name, info.distribution, info.version]
            if info is not None and name in self.by_version:
                parts.append(info.source)
            elif info is not None:
                digests = [_digest(file) for file in sorted(_sources(info))]
                parts = [*parts, *digests] if digests else []
            self._digests[name] = parts
        return self._digests[name]

    def _home(self, plugin: str) -> str:
        """Whom a plugin belongs to: its distribution, where it has one."""
        info = self._infos.get(plugin)
        return info.distribution if info is not None and info.distribution else plugin


def _bare(law: Law) -> Law:
    """The law whatever is known of it."""
    return law if law.status == "declared" else replace(law, status="declared")


def _hopeful(law: Law, doubtful: set[Law]) -> Status:
    return "assumed" if _bare(law) in doubtful else law.status


def _reason(judgement: Judgement) -> str:
    words = {"violated": "it is violated on images: ", "vacuous": "images cannot tell: "}
    return words.get(judgement.verdict, "") + judgement.reason


def _sources(info: PluginInfo) -> Iterator[Path]:
    """The Python files of a plugin."""
    place = Path(info.source)
    if place.suffix != ".py" and not place.is_dir():
        module = sys.modules.get(info.source.partition(":")[0])
        place = Path(getattr(module, "__file__", None) or "")
        if place.name == "__init__.py":
            place = place.parent
    if place.is_dir() and place != Path():
        yield from place.rglob("*.py")
    elif place.is_file():
        yield place


def _digest(file: Path) -> str:
    import hashlib  # which few questions need, and takes a while

    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
