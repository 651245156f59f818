"""The checks of a plugin, one case for each aspect of each augmentation."""

import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from augalgebra.algebra.words import Word
from augalgebra.case_progress import CaseProgress
from augalgebra.catalog import LoadedTarget, load_target
from augalgebra.errors import AugalgebraError, UnknownNameError
from augalgebra.testing.aspects import ASPECTS, PluginUnderTest
from augalgebra.testing.report import Report, Result
from augalgebra.testing.subjects import preserved_random_states


@dataclass(frozen=True)
class Case:
    """One aspect of one augmentation, or of the plugin itself.

    Attributes:
        subject: Full name of the augmentation, or the plugin's name.
        aspect: One of `ASPECTS`.

    Examples:
        Each as a test of its own::

            @pytest.mark.parametrize("case", cases("acme_waves"), ids=str)
            def test_the_plugin(case):
                case.check()
    """

    subject: str
    aspect: str
    tested: PluginUnderTest = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.subject}-{self.aspect}"

    def run(self) -> Result:
        """Carry it out; global random states are left as they were, and no warning gets out."""
        start = time.perf_counter()
        with preserved_random_states(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = self.tested.result(self.subject, self.aspect)
        return replace(result, seconds=time.perf_counter() - start)

    def check(self) -> None:
        """Carry it out as a test.

        Raises:
            AssertionError: It failed; the message has the promise, the smallest counterexample, both sides and how to
                run it again.
        """
        __tracebackhide__ = True
        result = self.run()
        if result.verdict == "failed":
            raise AssertionError(str(result))


def cases(
    plugin: object,
    *,
    names: Iterable[str] = (),
    aspects: Iterable[str] = (),
    words: Iterable[str | Word] = (),
    seed: int = 0,
) -> tuple[Case, ...]:
    """Everything that can be checked of a plugin, to be run one by one.

    Args:
        plugin: Its name, module, file or folder, as for `augalgebra.catalog.load_target`, or what that returned.
        names: Only these augmentations (or the plugin itself, by its name).
        aspects: Only these of `ASPECTS`.
        words: What augmentations are tried at, such as ``acme.wave(2)``; for those without one, simple parameters are
            made up from ranges and distributions. Names that the plugin only resolves when asked may be given too.
        seed: Seed of made-up parameters.

    Raises:
        UnknownNameError: There is no such plugin, augmentation or aspect.
        PluginError: The plugin cannot be loaded; the message says why.
        AugalgebraError: A word is not one augmentation of this plugin, or it has nothing of these aspects.
    """
    target = plugin if isinstance(plugin, LoadedTarget) else load_target(plugin)
    wanted = frozenset(aspects)
    for aspect in wanted:
        if aspect not in ASPECTS:
            raise UnknownNameError("aspect", aspect, ASPECTS, f"(there are: {', '.join(ASPECTS)})")
    tested = PluginUnderTest(target, names=tuple(names), words=tuple(words), seed=seed)
    everything = [Case(subject, aspect, tested) for subject, aspect in tested.everything()]
    chosen = tuple(case for case in everything if not wanted or case.aspect in wanted)
    if everything and not chosen:
        raise AugalgebraError(f"nothing to check: {target.text} has no {' and no '.join(sorted(wanted))}")
    return chosen


def check_plugin(
    plugin: object,
    *,
    names: Iterable[str] = (),
    aspects: Iterable[str] = (),
    words: Iterable[str | Word] = (),
    seed: int = 0,
    progress: CaseProgress | None = None,
) -> Report:
    """Check that a plugin keeps what every plugin promises, and that its laws hold.

    Args:
        plugin: See `cases`.
        names: See `cases`.
        aspects: See `cases`.
        words: See `cases`.
        seed: See `cases`.
        progress: Called before each case with its number, how many there are and its name.

    Raises:
        AugalgebraError: See `cases`. What the plugin does wrong is in the report and never raised.

    Examples:
        >>> check_plugin("dihedral", names=["flip_lr"], aspects=["batching", "laws"]).conforms
        True
    """
    target = plugin if isinstance(plugin, LoadedTarget) else load_target(plugin)
    todo = cases(target, names=names, aspects=aspects, words=words, seed=seed)
    results = []
    for number, case in enumerate(todo):
        if progress is not None:
            progress(number, len(todo), str(case))
        results.append(case.run())
    return Report(target.text, tuple(info.name for info in target.plugins), tuple(results))


def assert_conforms(
    plugin: object,
    *,
    names: Iterable[str] = (),
    aspects: Iterable[str] = (),
    words: Iterable[str | Word] = (),
    seed: int = 0,
) -> None:
    """`check_plugin` as a test.

    Raises:
        AssertionError: Something failed, or an augmentation could not be tried; the message is the whole report.
        AugalgebraError: See `cases`.

    Examples:
        A whole test file::

            from augalgebra.testing import assert_conforms

            def test_the_plugin_conforms():
                assert_conforms("acme_waves")
    """
    __tracebackhide__ = True
    report = check_plugin(plugin, names=names, aspects=aspects, words=words, seed=seed)
    if not report.conforms:
        raise AssertionError(str(report))
