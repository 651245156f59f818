"""What the documents show is what happens: every command in them is run and its output compared.

``python tests/test_documents.py`` writes the real output into them.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from augalgebra.catalog.lint.reference_pages import codes_page, hooks_page

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = (
    "README.md",
    "docs/tutorial.md",
    "docs/plugins.md",
    "docs/testing-a-plugin.md",
    "docs/inversion.md",
    "docs/interventions.md",
    "docs/commands.md",
)
FOLLOWED = ("docs/tutorial-plugin.md",)
"""Documents whose commands build on each other: they are run in order, in one folder, and files are written."""
WITH_DATA = "docs/augment-cached-latents.md"
"""A document that is followed with the autoencoder and the photographs of ``AUGALG_DATA``."""
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^\$ (?=augalg )", re.MULTILINE)
BLOCK = re.compile(r'^(?P<fence>```(?P<language>\w+)(?: title="(?P<title>.*?)")?\n)(?P<text>.*?)^```', re.M | re.S)
VARYING = "numbers vary"
"""Title of blocks in which a number stands for any number; in all others ``...`` stands for any text."""
NUMBER = re.compile(r" *-?\d[\d.]*(e[+-]?\d+)? *")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, str]]:
    """Commands that start with ``$ augalg``, each with the output shown below it."""
    for name in DOCUMENTS:
        for block in CONSOLE.findall(read(name)):
            for part in PROMPT.split(block)[1:]:
                command, _, output = part.partition("\n")
                yield command, output.rstrip()


def plain_environment() -> dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AUGALG_")}
    return environment | {"COLUMNS": "80", "NO_COLOR": "1"}


def as_shown(printed: str) -> str:
    return "\n".join(line.rstrip() for line in printed.splitlines()).strip("\n")


def output_of(command: str, folder: Path) -> str:
    """What a command prints, on both outputs, in an empty folder at 80 columns."""
    done = subprocess.run(
        [Path(sys.executable).with_name("augalg"), *shlex.split(command)[1:]],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=plain_environment(),
    )
    return as_shown(done.stdout + done.stderr)


@pytest.mark.parametrize(("command", "shown"), list(commands()), ids=lambda text: text[:50])
def test_a_shown_command_prints_what_is_shown(command: str, shown: str, tmp_path: Path) -> None:
    assert output_of(command, tmp_path) == shown.strip("\n")


def installation(folder: Path) -> dict[str, str]:
    """An environment to install into, offline; it has all that this one has, which stays as it is."""
    venv.create(folder)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (packages / "beside.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for name, module in (("augalg", "augalg_cli.app"), ("pip", "pip"), ("pytest", "pytest")):
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m {module} "$@"\n')
        program.chmod(0o755)
    return plain_environment() | {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PYTHONUNBUFFERED": "1",  # both outputs in the order in which they were written
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # "no" to isolation: pip reads it as the value of the option's opposite
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def agrees(shown: str, printed: str, *, varying: bool) -> bool:
    if varying:
        shown, printed = (re.sub("─+", "─", NUMBER.sub(" # ", text)) for text in (shown, printed))
    return doctest.OutputChecker().check_output(shown + "\n", printed + "\n", doctest.ELLIPSIS)


def follow(text: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Do what a document says, and give it back with what was printed in place of what does not agree with that."""

    def block(match: re.Match[str]) -> str:
        if match["language"] != "console":
            if match["title"]:
                (folder / match["title"]).write_text(match["text"], encoding="utf-8")
            return match[0]
        told = match["fence"]
        for part in re.split(r"^\$ ", match["text"], flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            done = subprocess.run(
                ["sh", "-c", command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                cwd=folder,
                env=environment,
            )
            assert done.returncode == 0, f"$ {command}\n{done.stdout}"
            shown, printed = shown.rstrip("\n"), as_shown(done.stdout)
            kept = shown if agrees(shown, printed, varying=match["title"] == VARYING) else printed
            told += f"$ {command}\n" + (f"{kept}\n" if kept else "")
        return f"{told}```"

    return BLOCK.sub(block, text)


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_document_can_be_followed_word_by_word(name: str, tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    (tmp_path / "here").mkdir()
    assert follow(read(name), tmp_path / "here", installation(tmp_path / "venv")) == read(name)


def data_at_hand(folder: Path) -> bool:
    """Lay the autoencoder and the photographs that a document speaks of into a folder, if there are any."""
    data = Path(os.environ.get("AUGALG_DATA", "nowhere")).absolute()
    if not (data / "taef2").is_dir() or not (data / "kodak").is_dir():
        return False
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "taef2").symlink_to(data / "taef2")
    (folder / "photographs").symlink_to(data / "kodak")
    return True


def test_the_page_on_cached_latents_can_be_followed_word_by_word(tmp_path: Path) -> None:
    if not data_at_hand(tmp_path / "here"):
        pytest.skip("AUGALG_DATA has no taef2 and kodak")
    assert follow(read(WITH_DATA), tmp_path / "here", installation(tmp_path / "venv")) == read(WITH_DATA)


def test_numbers_and_dots_stand_for_what_varies_and_for_nothing_else() -> None:
    assert agrees("1 passed in ...s", "1 passed in 0.31s", varying=False)
    assert not agrees("1 passed in ...s", "1 failed in 0.31s", varying=False)
    assert agrees("gap  1.25  12\n──", "gap  7  1e-05\n────", varying=True)
    assert not agrees("gap  1.25", "gap  1.26", varying=False)
    assert not agrees("gap  1.25", "loss  1.25", varying=True)
    assert not agrees("gap  1.25", "gap  -", varying=True)


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/tutorial.md",
        "docs/plugins.md",
        "docs/testing-a-plugin.md",
        "docs/inversion.md",
        "docs/python.md",
        "docs/reports.md",
    ],
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
    for name in (*FOLLOWED, WITH_DATA):
        with tempfile.TemporaryDirectory() as folder:
            if name == WITH_DATA and not data_at_hand(Path(folder) / "here"):
                continue
            (Path(folder) / "here").mkdir(exist_ok=True)
            told = follow(read(name), Path(folder) / "here", installation(Path(folder) / "venv"))
        (ROOT / name).write_text(told, encoding="utf-8")


if __name__ == "__main__":
    refresh()
