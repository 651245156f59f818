"""What is wrong with plugins, found without applying anything to an image."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from augalgebra.augmentation import Augmentation
from augalgebra.catalog.catalog import Catalog
from augalgebra.catalog.codes import CODES
from augalgebra.errors import UnknownNameError


@dataclass(frozen=True)
class Finding:
    """Something about a plugin that its author should know.

    Attributes:
        code: Number of the kind of finding, such as ``AUG101``.
        severity: ``error`` (it cannot be right), ``warning`` (hardly what was meant) or ``note`` (fine, but worth
            knowing).
        subject: What it is about: an augmentation's full name, a law's text or a plugin's name.
        message: What was found, in one line.
        hint: How to mend it.
        plugin: The plugin it was found in.
    """

    code: str
    severity: Literal["error", "warning", "note"]
    subject: str
    message: str
    hint: str
    plugin: str = ""

    def to_json(self) -> dict[str, str]:
        """Plain data for JSON."""
        return {
            "code": self.code,
            "severity": self.severity,
            "subject": self.subject,
            "message": self.message,
            "hint": self.hint,
            "plugin": self.plugin,
        }


def finding(code: str, plugin: str, subject: str, message: str, hint: str = "") -> Finding:
    """The finding of this code; what the table says of it is its severity and, if none is given, its hint."""
    known = CODES[code]
    return Finding(code, known.severity, subject, message, hint or known.mend, plugin)


def lint(catalog: Catalog, plugins: Collection[str] | None = None) -> tuple[Finding, ...]:
    """Look for what is wrong with plugins; nothing is applied to an image.

    Args:
        catalog: The catalog they were loaded into.
        plugins: Names of the plugins to look at; all that are there by default.

    Returns:
        The findings, by plugin and then by code.

    Raises:
        UnknownNameError: There is no such plugin.
    """
    known = [info.name for info in catalog.plugins]
    for name in plugins or ():
        if name not in known:
            raise UnknownNameError("plugin", name, known, "('augalg plugins list' shows all)")
    wanted = known if plugins is None else [name for name in known if name in set(plugins)]
    found = [*_failed(catalog, wanted)]
    for augmentation in catalog.augmentations.values():
        if augmentation.plugin in wanted:
            found.extend(_described(catalog, augmentation))
    order = {name: index for index, name in enumerate(wanted)}
    return tuple(sorted(dict.fromkeys(found), key=lambda item: (order[item.plugin], item.code)))


def _failed(catalog: Catalog, plugins: Iterable[str]) -> Iterator[Finding]:
    wanted = set(plugins)
    for info in catalog.plugins:
        if info.name in wanted and info.status == "failed":
            yield finding("AUG001", info.name, info.name, info.reason)


def _described(catalog: Catalog, augmentation: Augmentation) -> Iterator[Finding]:
    if not catalog.laws_of(augmentation.name):
        yield finding("AUG401", augmentation.plugin, augmentation.name, "no law is declared about it")
    if not augmentation.summary:
        yield finding("AUG402", augmentation.plugin, augmentation.name, "its function has no docstring")
