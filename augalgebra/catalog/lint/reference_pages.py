"""The reference pages of the documentation that follow from specifications: hooks, and codes of the lint."""

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from augalgebra import hooks
from augalgebra.catalog.lint.codes import CODES
from augalgebra.hooks import CONTRACT_ATTRIBUTE, CONTRACT_VERSION, HookSpecs, Register
from augalgebra.markdown import markdown_table

_CONTRACT = (
    f"This library keeps contract {CONTRACT_VERSION}. A plugin may state which one it was written for, with "
    f"`{CONTRACT_ATTRIBUTE} = {CONTRACT_VERSION}` at module level; one that was written for a later contract does not "
    "load, and says what to update."
)
_LINT = (
    "`augalg plugins lint` reads plugins without running them, and `augalg explain CODE` prints an entry of this page. "
    "An *error* cannot be right, a *warning* is hardly what was meant, and a *note* is fine but worth knowing."
)
_SECTION = re.compile(r"^(Args|Returns|Raises|Examples):$")
_ENTRY = re.compile(r"^ {4}(\w+): (.*)$")


def hooks_page() -> str:
    """The hook reference, as Markdown."""
    intro = _Docstring.of(inspect.getdoc(hooks) or "")
    lines = [
        "# Hooks",
        "",
        *intro.text,
        _CONTRACT,
    ]
    for name, hook in vars(HookSpecs).items():
        if not name.startswith("augalg_"):
            continue
        arguments = list(inspect.signature(hook).parameters)[1:]
        lines += ["", f"## `{name}({', '.join(arguments)})`", "", *_described(inspect.getdoc(hook) or "")]
        if name == "augalg_register":
            lines += ["", *_register_section()]
    return _page(lines)


def codes_page() -> str:
    """Every code of the lint, as Markdown."""
    lines = [
        "# Findings of the lint",
        "",
        _LINT,
    ]
    for item in CODES.values():
        lines += ["", f"## {item.code}: {item.title}", "", f"*{item.severity.capitalize()}.* {item.meaning}"]
        lines += ["", "```text", *item.example.splitlines(), "```", "", f"How to mend it: {item.mend}."]
    return _page(lines)


def _page(lines: list[str]) -> str:
    kept: list[str] = []
    in_code = False
    for line in lines:
        in_code ^= line.startswith("```")
        if line or in_code or (kept and kept[-1]):  # one empty line is enough between paragraphs
            kept.append(line)
    return "\n".join(kept).strip() + "\n"


class _Docstring(NamedTuple):
    """A docstring in its parts."""

    text: list[str]
    arguments: dict[str, str]
    examples: list[str]

    @classmethod
    def of(cls, docstring: str) -> "_Docstring":
        """Read a docstring of the project's style."""
        parts: dict[str, list[str]] = {"": []}
        section = ""
        for line in docstring.splitlines():
            heading = _SECTION.match(line)
            if heading:
                section = heading[1]
                parts[section] = []
            else:
                parts[section].append(line)
        arguments: dict[str, str] = {}
        name = ""
        for line in parts.get("Args", []):
            entry = _ENTRY.match(line)
            if entry:
                name = entry[1]
                arguments[name] = entry[2]
            elif line.strip():
                arguments[name] += f" {line.strip()}"
        return cls(list(_prose(parts[""])), arguments, list(_examples(parts.get("Examples", []))))


def _described(docstring: str) -> list[str]:
    read = _Docstring.of(docstring)
    lines = list(read.text)
    if read.arguments and set(read.arguments) != {"register"}:
        lines += ["", *(f"- `{name}`: {_marked(text)}" for name, text in read.arguments.items())]
    return [*lines, "", *read.examples]


def _register_section() -> Iterator[str]:
    read = _Docstring.of(inspect.getdoc(Register.__call__) or "")
    yield "### What `register` takes"
    yield ""
    yield from _Docstring.of(inspect.getdoc(Register) or "").text
    yield ""
    cells = [["keyword", "type", "default", "meaning"]]
    for parameter in list(inspect.signature(Register.__call__).parameters.values())[1:]:
        required = parameter.default is parameter.empty
        default = "required" if required else f"`{parameter.default!r}`"
        kind = re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", inspect.formatannotation(parameter.annotation))
        cells.append([f"`{parameter.name}`", f"`{kind}`", default, _marked(read.arguments[parameter.name])])
    yield from markdown_table(cells, padded=False).splitlines()


def _prose(lines: list[str]) -> Iterator[str]:
    """Text, its paragraphs on one line each."""
    for paragraph in "\n".join(lines).strip().split("\n\n"):
        yield _marked(" ".join(paragraph.split()))
        yield ""


def _examples(lines: list[str]) -> Iterator[str]:
    """Sentences that end in ``::``, each with its code."""
    for sentence, *code in _split(textwrap.dedent("\n".join(lines)).splitlines()):
        yield _marked(sentence.removesuffix(":"))
        yield ""
        yield from ("```python", *textwrap.dedent("\n".join(code)).strip().splitlines(), "```", "")


def _split(lines: list[str]) -> list[list[str]]:
    """Each line that is not indented, with the lines below it."""
    parts: list[list[str]] = []
    for line in lines:
        if line and not line.startswith(" "):
            parts.append([line])
        elif parts:
            parts[-1].append(line)
    return parts


def _marked(text: str) -> str:
    """Markdown's backticks for those of reStructuredText."""
    return text.replace("``", "`")
