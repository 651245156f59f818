"""Findings: what a plugin's author should know, by number."""

from dataclasses import dataclass

from augalgebra.catalog.lint.codes import CODES, Severity
from augalgebra.plain import PlainData


@dataclass(frozen=True)
class Finding(PlainData):
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
    severity: Severity
    subject: str
    message: str
    hint: str
    plugin: str = ""

    def __str__(self) -> str:
        return f"{self.code} {self.severity}: {self.subject}: {self.message}"


def finding(code: str, plugin: str, subject: str, message: str) -> Finding:
    """A finding of this code; its severity and hint are those of the table."""
    known = CODES[code]
    return Finding(code, known.severity, subject, " ".join(message.split()), known.mend, plugin)
