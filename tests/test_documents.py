"""What the documents show is what happens: every command in them is run and its output compared.

``python tests/test_documents.py`` writes the real output into them.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from augalgebra.catalog.reference import codes_page, hooks_page

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "docs/tutorial.md", "docs/plugins.md", "docs/testing-a-plugin.md", "docs/commands.md")
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^\$ (?=augalg )", re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, str]]:
    """Commands that start with ``$ augalg``, each with the output shown below it."""
    for name in DOCUMENTS:
        for block in CONSOLE.findall(read(name)):
            for part in PROMPT.split(block)[1:]:
                command, _, output = part.partition("\n")
                yield command, output.rstrip()


def output_of(command: str, folder: Path) -> str:
    """What a command prints, on both outputs, in an empty folder at 80 columns."""
    arguments = shlex.split(command)[1:]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AUGALG_")}
    done = subprocess.run(
        [Path(sys.executable).with_name("augalg"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment | {"COLUMNS": "80", "NO_COLOR": "1"},
    )
    return "\n".join(line.rstrip() for line in (done.stdout + done.stderr).splitlines()).strip("\n")


@pytest.mark.parametrize(("command", "shown"), list(commands()), ids=lambda text: text[:50])
def test_a_shown_command_prints_what_is_shown(command: str, shown: str, tmp_path: Path) -> None:
    assert output_of(command, tmp_path) == shown.strip("\n")


@pytest.mark.parametrize(
    "name", ["README.md", "docs/tutorial.md", "docs/plugins.md", "docs/testing-a-plugin.md", "docs/reports.md"]
)
def test_shown_python_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = PYTHON.findall(read(name))
    assert blocks
    space: dict[str, Any] = {"__name__": "document"}
    for block in blocks:
        exec(compile(block, name, "exec"), space)


GENERATED = {"docs/reference/hooks.md": hooks_page, "docs/reference/lint.md": codes_page}


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_is_what_the_specifications_say(name: str) -> None:
    assert read(name) == GENERATED[name]()


def test_every_command_is_documented() -> None:
    listed = re.findall(r"^│ (\w+)  ", output_of("augalg --help", ROOT), re.MULTILINE)
    assert len(listed) > 5
    missing = [name for name in listed if f"$ augalg {name} --help" not in read("docs/commands.md")]
    assert missing in ([], ["plugins"])


def refresh() -> None:
    """Write the real output below every command of the documents."""

    def block(match: re.Match[str]) -> str:
        head, *parts = PROMPT.split(match[1])
        for part in parts:
            command = part.partition("\n")[0]
            head += f"$ {command}\n{output_of(command, ROOT)}\n"
        return f"```console\n{head}```"

    for name, page in GENERATED.items():
        (ROOT / name).write_text(page(), encoding="utf-8")
    for name in DOCUMENTS:
        (ROOT / name).write_text(CONSOLE.sub(block, read(name)), encoding="utf-8")


if __name__ == "__main__":
    refresh()
