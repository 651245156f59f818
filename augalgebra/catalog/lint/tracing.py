"""Which plugin answered what, and how long it took."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from augalgebra.catalog.catalog import Catalog
from augalgebra.catalog.contributions import examples_of, offered_heads
from augalgebra.catalog.plugin import PluginInfo
from augalgebra.errors import AugalgebraError
from augalgebra.plain import PlainData


@dataclass(frozen=True)
class Answer:
    """What a plugin gave when a hook was asked.

    Attributes:
        hook: Name of the hook.
        given: Names of what it gave: augmentations, the texts of laws, probes, commands, decoders, examples.
        seconds: Time it took; None for a hook that is asked name by name.
        problem: Why it gave nothing, if it failed.
    """

    hook: str
    given: tuple[str, ...]
    seconds: float | None
    problem: str = ""


@dataclass(frozen=True)
class Trace(PlainData):
    """How one plugin spent its time.

    Attributes:
        info: What became of the plugin.
        answers: Each hook that it implements.
    """

    info: PluginInfo
    answers: tuple[Answer, ...]
    in_json = (
        *("info.name as plugin", "info.status as status", "info.reason as reason", "info.contract as contract"),
        *("seconds", "import_seconds", "answers"),
    )

    @property
    def import_seconds(self) -> float:
        """Time it took to import; of a failed plugin, until it failed."""
        return self.info.spent.get("import", self.info.seconds)

    @property
    def seconds(self) -> float:
        """Time it took to import and to answer."""
        return self.import_seconds + sum(answer.seconds or 0.0 for answer in self.answers)


def trace(catalog: Catalog, commands: Callable[[str], Iterable[str]]) -> tuple[Trace, ...]:
    """Ask every plugin every hook that it implements, but for images: what it gives, and how long that takes.

    Args:
        catalog: The plugins.
        commands: Lists the names of a plugin's commands; the library itself knows no command line.

    Returns:
        One entry for each plugin, slowest first.
    """
    found = [Trace(info, tuple(_answers(catalog, info, commands))) for info in catalog.plugins]
    return tuple(sorted(found, key=lambda item: -item.seconds))


def _answers(catalog: Catalog, info: PluginInfo, commands: Callable[[str], Iterable[str]]) -> Iterable[Answer]:
    def probes() -> Iterable[str]:
        return [name for answer in catalog.ask(info.name, "augalg_probes") for name in dict(answer)]

    asked: dict[str, Callable[[], Iterable[str]]] = {
        "augalg_probes": probes,
        "augalg_commands": lambda: commands(info.name),
        "augalg_heads": lambda: offered_heads(catalog, info.name),
        "augalg_examples": lambda: examples_of(catalog, info.name),
    }
    declared = {
        "augalg_register": info.augmentations,
        "augalg_laws": tuple(catalog.display(law) for law in catalog.laws if law.owner == info.name),
    }
    for hook in info.hooks:
        if hook in declared:
            yield Answer(hook, declared[hook], info.spent.get(hook, 0.0))
        elif hook in asked:
            yield _asked(hook, asked[hook])
        else:
            yield Answer(hook, (), None)


def _asked(hook: str, ask: Callable[[], Iterable[str]]) -> Answer:
    start = time.perf_counter()
    try:
        given = tuple(ask())
    except AugalgebraError as error:
        return Answer(hook, (), time.perf_counter() - start, str(error))
    except (TypeError, ValueError) as error:
        return Answer(hook, (), time.perf_counter() - start, f"it answered something else: {error}")
    return Answer(hook, given, time.perf_counter() - start)
