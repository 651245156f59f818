"""What the cases of one plugin share: its augmentations with parameters to try, and its laws, checked once."""

import shlex
from collections.abc import Iterator, Sequence
from functools import cached_property

from augalgebra.algebra.words import Word
from augalgebra.catalog import LoadedTarget
from augalgebra.catalog.lint.linter import lint
from augalgebra.checks import LawReport, LawResult, check_laws, contributed_probes, symmetries
from augalgebra.errors import AugalgebraError, UnknownNameError
from augalgebra.testing.promises import PROMISES
from augalgebra.testing.report import Failure, Result
from augalgebra.testing.subjects import SIZES, Subject, images_of, single

ASPECTS: dict[str, str] = {
    "lint": "Nothing in the declarations contradicts itself or names what is not there",
    **{name: (check.__doc__ or "").rstrip(".") for name, check in PROMISES.items()},
    "laws": "The declared laws hold on images",
    "probes": "The probe images that the plugin contributes can be used",
}
"""What is checked: the names of the aspects, each with what it means."""


class PluginUnderTest:
    """A plugin under test.

    Attributes:
        target: The plugin, loaded.
        subjects: Its augmentations by full name.
    """

    def __init__(
        self, target: LoadedTarget, *, names: Sequence[str] = (), words: Sequence[str | Word] = (), seed: int = 0
    ) -> None:
        self.target = target
        self.seed = seed
        self._plugins = tuple(info.name for info in target.plugins)
        self._words = tuple(map(str, words))
        given: dict[str, list[Word]] = {}
        for text in words:
            word = target.catalog.word(text)
            symbol = single(word)
            if symbol is None or target.catalog.resolve(symbol.name).plugin not in self._plugins:
                raise AugalgebraError(f"{text} is not one augmentation of {target.text} at some parameters")
            given.setdefault(symbol.name, []).append(word)
        self.subjects = {
            name: Subject(target.catalog, target.catalog.resolve(name), tuple(given.get(name, ())), seed)
            for name in dict.fromkeys([*target.names, *given])
        }
        self._chosen = frozenset(map(self._full_name, names))

    def everything(self) -> Iterator[tuple[str, str]]:
        """Every subject that was asked for, with every aspect it has."""
        for subject, aspect in self._everything():
            if not self._chosen or subject in self._chosen:
                yield subject, aspect

    def result(self, subject: str, aspect: str) -> Result:
        """Carry one case out; the time it took is left open."""
        if aspect == "lint":
            return self._on_lint(subject)
        if aspect == "laws":
            return self._on_laws(subject)
        if aspect == "probes":
            return self._on_probes(subject)
        return self._on_promise(self.subjects[subject], aspect)

    def _everything(self) -> Iterator[tuple[str, str]]:
        for info in self.target.plugins:
            yield info.name, "lint"
            if any(law.owner == info.name for law in self.target.catalog.laws):
                yield info.name, "laws"
            if "augalg_probes" in info.hooks:
                yield info.name, "probes"
            for name, subject in self.subjects.items():
                if subject.augmentation.plugin == info.name:
                    yield from ((name, aspect) for aspect in (*PROMISES, "laws"))

    def _full_name(self, name: str) -> str:
        if name in self._plugins or name in self.subjects:
            return name
        for full, subject in self.subjects.items():
            if subject.augmentation.short_name == name:
                return full
        raise UnknownNameError("augmentation", name, self.subjects, f"({self.target.text} has none of this name)")

    def _on_lint(self, plugin: str) -> Result:
        found = lint(self.target.catalog, [plugin])
        note = "; ".join(str(item) for item in found if item.severity == "warning")
        failures = tuple(
            Failure(
                f"{item.code}: {item.message}",
                item.subject,
                hint=f"{item.hint}; 'augalg explain {item.code}' says more",
            )
            for item in found
            if item.severity == "error"
        )
        again = tuple(self._again(failure, plugin, "lint") for failure in failures)
        return Result(plugin, "lint", "failed" if again else "passed", note, again)

    def _on_promise(self, subject: Subject, aspect: str) -> Result:
        name = subject.augmentation.name
        if not subject.words:
            missing = " and ".join(subject.without_values) or "its parameters"
            short = self.target.catalog.short_name(name)
            note = f'no values can be made up for {missing}; give a word, --word "{short}(...)"'
            return Result(name, aspect, "not checked", note)
        looked_at = subject.tensors if aspect in ("type", "shape") else subject.usable
        if aspect != "returns" and not looked_at:
            return Result(name, aspect, "not checked", "no batch came back to look at; see 'returns' and 'shape'")
        del subject.warned[:], subject.refused[:]
        base = subject.base if subject.base is not None else images_of(1, SIZES[-1], SIZES[-1])
        failure = next(PROMISES[aspect](subject, base), None)
        notes = [*subject.refused[:1], *(f"warned: {text}" for text in subject.warned[:1])]
        if failure is None:
            return Result(name, aspect, "passed", "; ".join(notes))
        return Result(name, aspect, "failed", "; ".join(notes), (self._again(failure, name, aspect),))

    def _on_laws(self, owner: str) -> Result:
        catalog = self.target.catalog
        declared = (*catalog.laws, *(item.law for item in catalog.dangling))
        if not any(law.owner == owner for law in declared):
            return Result(owner, "laws", "not checked", "no law is declared")
        results = [item for item in self._laws.results if item.augmentation == owner]
        undecided = [item for item in results if item.verdict in ("vacuous", "not checked")]
        noted = [
            item
            for item in results
            if item in undecided or (item.law.is_equation and item.verdict == "holds" and item.reason)
        ]
        note = "; ".join(f"{item.equation}: {item.verdict}, {item.reason}" for item in noted)
        violated = [item for item in results if item.verdict == "violated" or item.failed]
        if violated:
            failures = tuple(self._again(_law_failure(item), owner, "laws") for item in violated)
            return Result(owner, "laws", "failed", note, failures)
        return Result(owner, "laws", "not checked" if len(undecided) == len(results) else "passed", note)

    @cached_property
    def _laws(self) -> LawReport:
        return check_laws(self.target.catalog, sorted(self._chosen) or self._plugins, seed=self.seed)

    def _on_probes(self, plugin: str) -> Result:
        problems: dict[str, Failure] = {}
        notes: dict[str, None] = {}
        for channels in (1, 3):
            probes, failed = contributed_probes(self.target.catalog, channels, 28, 28)
            for failure in failed:
                if failure.plugin == plugin:
                    case = f"{failure.name or 'augalg_probes'} asked for images of 28×28 pixels, {channels} channels"
                    promise = "a probe gives images [batch, channel, height, width] in [0, 1]"
                    problems.setdefault(failure.name, Failure(promise, case, (("raised", failure.reason),)))
            for probe in probes:
                if probe.plugin == plugin and (found := symmetries(probe.images)):
                    notes[f"{probe.name} is symmetric under {found[0]}, so it cannot show laws with that false"] = None
        if problems:
            failures = tuple(self._again(item, plugin, "probes") for item in problems.values())
            return Result(plugin, "probes", "failed", "; ".join(notes), failures)
        return Result(plugin, "probes", "passed", "; ".join(notes))

    def _again(self, failure: Failure, subject: str, aspect: str) -> Failure:
        if self.target.kind == "object":
            given = f", words={list(self._words)}" if self._words else ""
            seeded = f", seed={self.seed}" if self.seed else ""
            again = f"assert_conforms({self.target.text}, names=[{subject!r}], aspects=[{aspect!r}]{given}{seeded})"
        else:
            parts = ["augalg", "plugins", "check", self.target.text, "--only", aspect, "--name", subject]
            for word in self._words:
                parts += ["--word", word]
            again = shlex.join([*parts, *(["--seed", str(self.seed)] if self.seed else [])])
        return Failure(failure.promise, failure.case, failure.sides, failure.hint, again)


def _law_failure(item: LawResult) -> Failure:
    hint = f"what holds instead: {item.alternative}" if item.alternative is not None else ""
    found = item.counterexample
    if found is None:
        return Failure(item.equation, item.reason or "no image shows it", hint=hint)
    height, width = found.size
    case = f"{found.equation} on the probe {found.probe}, image {found.image} of {height}×{width} pixels"
    if found.parameters:
        case += f", {', '.join(f'{name} = {value}' for name, value in found.parameters.items())}"
    if found.sizes is not None:
        (left_height, left_width), (right_height, right_width) = found.sizes
        sides = (("left side", f"{left_height}×{left_width}"), ("right side", f"{right_height}×{right_width}"))
        return Failure(item.equation, case, sides, hint)
    if found.pixel is None:
        return Failure(item.equation, f"{case}: {item.reason}", hint=hint)
    channel, row, column = found.pixel
    case += f"; row {row}, column {column}" + (f", channel {channel}" if channel else "")
    return Failure(item.equation, case, (("left side", f"{found.lhs:.6g}"), ("right side", f"{found.rhs:.6g}")), hint)
