"""What the conformance kit found, as data and as text."""

from dataclasses import dataclass
from typing import Any, Literal

from augalgebra.plain import PlainData

PromiseVerdict = Literal["passed", "failed", "not checked"]
_NO_PROMISES = ("lint", "laws", "probes")  # aspects that hold of an augmentation which was never run


@dataclass(frozen=True)
class Failure(PlainData):
    """A promise or law that does not hold, with the simplest case that shows it.

    Attributes:
        promise: The equation, or the promise in words.
        case: The smallest counterexample: word, images, sizes, parameters.
        sides: Both sides, each with what it is; empty where there is nothing to compare.
        hint: How to mend it.
        again: A command, or a line of Python, that runs this check again.
    """

    promise: str
    case: str
    sides: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    again: str = ""
    in_json = "promise", "case", "sides", "hint", "again"

    def __str__(self) -> str:
        pairs = [("fails for", self.case), *self.sides, ("hint", self.hint), ("run again", self.again)]
        shown = [(name, text) for name, text in pairs if text]
        width = max(len(name) for name, _ in shown)
        return "\n".join([self.promise, *(f"  {name.ljust(width)}  {text}" for name, text in shown)])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return super().to_dict() | {"sides": dict(self.sides)}


@dataclass(frozen=True)
class Result(PlainData):
    """The verdict on one aspect of one augmentation, or of the plugin itself.

    Attributes:
        subject: Full name of the augmentation, or the plugin's name.
        aspect: What was looked at, one of `ASPECTS`.
        verdict: ``not checked`` where an earlier failure, or the lack of anything to try, left nothing to look at.
        note: What is worth knowing besides: why it was not checked, what the augmentation refuses, what it warned of.
        failures: What does not hold; empty unless the verdict is ``failed``.
        seconds: Time it took.
    """

    subject: str
    aspect: str
    verdict: PromiseVerdict
    note: str = ""
    failures: tuple[Failure, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        head = f"{self.subject}: {self.aspect} {self.verdict}" + (f": {self.note}" if self.note else "")
        return "\n".join([head, *(_indented(str(failure)) for failure in self.failures)])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return super().to_dict() | {"seconds": round(self.seconds, 4)}


@dataclass(frozen=True)
class Report:
    """The verdicts on a plugin.

    Attributes:
        target: What was checked, as it was named.
        plugins: The plugins it consists of.
        results: One for each aspect of each augmentation, and those of the plugin itself.
    """

    target: str
    plugins: tuple[str, ...]
    results: tuple[Result, ...]

    @property
    def conforms(self) -> bool:
        """Whether nothing failed, and every augmentation was tried."""
        return not self.count("failed") and not self.untried

    @property
    def untried(self) -> dict[str, str]:
        """Augmentations none of whose promises that were asked for could be tried, and why not."""
        promises = [result for result in self.results if result.aspect not in _NO_PROMISES]
        tried = {result.subject for result in promises if result.verdict != "not checked"}
        return {result.subject: result.note for result in promises if result.subject not in tried}

    def count(self, verdict: PromiseVerdict) -> int:
        """How many aspects got this verdict."""
        return sum(result.verdict == verdict for result in self.results)

    @property
    def summary(self) -> str:
        """The verdicts in one line."""
        counts = ", ".join(
            f"{self.count(verdict)} {verdict}"
            for verdict in ("passed", "failed", "not checked")
            if self.count(verdict) or verdict == "passed"
        )
        verdict = "does not conform" if self.count("failed") else "not checked" if self.untried else "conforms"
        return f"{', '.join(self.plugins)}: {verdict}; {counts}"

    def __str__(self) -> str:
        failed = (str(result) for result in self.results if result.verdict == "failed")
        untried = (f"{subject} was not tried: {reason}" for subject, reason in self.untried.items())
        return "\n\n".join([self.summary, *failed, *untried])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "target": self.target,
            "plugins": list(self.plugins),
            "conforms": self.conforms,
            "untried": self.untried,
            "passed": self.count("passed"),
            "failed": self.count("failed"),
            "not_checked": self.count("not checked"),
            "results": [result.to_dict() for result in self.results],
        }


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
