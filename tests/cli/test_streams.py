"""No traceback and no exit code that lies: pipes, encodings, full disks, closed streams, and faults of our own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from augalg_cli import streams
from augalg_cli.commands import words

PROGRAM = Path(sys.executable).with_name("augalg")


def shell(command: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash in which AUGALG is the program."""
    bare = {name: text for name, text in os.environ.items() if not name.startswith("AUGALG_")}
    return subprocess.run(
        ["bash", "-c", command.replace("AUGALG", str(PROGRAM))],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=bare | {"NO_COLOR": "1"} | environment,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("line", "code", "unbuffered"),
    [
        ("AUGALG list | head -1", 0, ""),
        ("AUGALG list | head -1", 0, "1"),
        ("AUGALG list --json | grep -q flip", 0, ""),
        ("AUGALG --help | head -c0", 0, "1"),
        ("AUGALG compose flip_lr 2>&- | head -c0", 0, ""),
        ("AUGALG equal flip_lr flip_ud | head -c0", 1, ""),
        ("AUGALG nonsense 2>&1 | head -c0", 2, ""),
    ],
)
def test_a_reader_that_has_gone_changes_no_exit_code(tmp_path: Path, line: str, code: int, unbuffered: str) -> None:
    done = shell(f"{line}; exit ${{PIPESTATUS[0]}}", tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", ["list", "list --json", "equal flip_lr flip_ud", "--help"])
def test_a_full_disk_is_told_in_one_line(tmp_path: Path, command: str) -> None:
    done = shell(f"AUGALG {command} > /dev/full", tmp_path)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last == "error: the answer could not be written to standard output: No space left on device"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("redirection", "code"),
    [("<&- >&- 2>&-", 0), (">&-", 0), ("2>&-", 0), ("2>/dev/full", 0), ("1</dev/null", 2)],
)
def test_closed_streams(tmp_path: Path, redirection: str, code: int) -> None:
    assert shell(f"AUGALG compose flip_lr {redirection}", tmp_path).returncode == code


def test_a_file_does_not_take_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    code = (
        "import os; from augalg_cli import streams; streams.secure(); kept = open('kept.txt', 'w');"
        "os.write(1, b'printed'); kept.write('kept'); kept.close()"
    )
    done = shell(f'{sys.executable} -c "{code}" >&-', tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "kept.txt").read_text() == "kept"


@pytest.mark.parametrize(
    ("encoding", "command"),
    [
        ("cp1252", "list"),
        ("cp1252", "compose rotate(20)*rotate(25) --json"),
        ("latin-1", "plugins info affine"),
        ("ascii", "list"),
        ("ascii", "--help"),
        ("cp437", "compose canny"),
    ],
)
def test_what_the_encoding_lacks_is_drawn_with_what_it_has(tmp_path: Path, encoding: str, command: str) -> None:
    whole = shell(f"AUGALG {command.replace('(', chr(92) + '(').replace(')', chr(92) + ')')}", tmp_path)
    done = subprocess.run(
        [PROGRAM, *command.split()],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    if command.endswith("--json"):
        assert json.loads(text) == json.loads(whole.stdout)
    elif "≈" in whole.stdout:
        assert "~" in text
    assert "?" not in set(text) - set(whole.stdout)


def test_drawing_keeps_the_meaning() -> None:
    assert (
        "2 × 3 ≈ 6, a ≠ b, x⁻¹, R² → σ …".encode("ascii", drawn()).decode()
        == "2 x 3 ~ 6, a != b, x^-1, R^2 -> sigma ..."
    )
    assert "┌─┐│█é漢".encode("ascii", drawn()).decode() == "+-+|#e?"


def drawn() -> str:
    streams.secure()
    return streams.HANDLER


@pytest.mark.parametrize("width", ["0", "five", "1000000000", "²"])
def test_a_nonsensical_width_is_forgotten(tmp_path: Path, width: str) -> None:
    listed = shell("AUGALG plugins list && AUGALG laws --help", tmp_path, COLUMNS=width, TERMINAL_WIDTH=width)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout == shell("AUGALG plugins list && AUGALG laws --help", tmp_path).stdout


@pytest.mark.parametrize("command", ["list", "register flip.py", "check run", "compose flip_lr"])
def test_a_current_folder_that_is_gone(tmp_path: Path, command: str) -> None:
    done = shell(f"mkdir gone && cd gone && rmdir ../gone && AUGALG {command}", tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: the current folder is gone; change into one that exists\n"


class Unusual(BaseException):
    """What nobody expects."""


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ZeroDivisionError("division by zero"), 70, "ZeroDivisionError: division by zero"),
        (EOFError("ended too early"), 70, "EOFError: ended too early"),
        (BrokenPipeError(32, "Broken pipe"), 70, "BrokenPipeError"),
        (RecursionError("a" * 5000), 70, "RecursionError: ..."),
        (Unusual("out of the blue"), 70, "Unusual: out of the blue"),
        (OSError(5, "Input/output error"), 70, "OSError: [Errno 5]"),
        (OSError(28, "No space left on device"), 2, "error: No space left on device"),
        (OSError(36, "File name too long", "a" * 300), 2, "File name too long"),
        (MemoryError(), 2, "error: there is not enough memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), 2, "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), 2, "not enough memory"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=lambda item: type(item).__name__ if isinstance(item, BaseException) else None,
)
def test_a_fault_of_our_own_is_told_as_one(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, told: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(words.queries, "period", fail)
    for arguments in ([], ["--json"]):
        done = program("compose", "flip_lr", *arguments)
        assert (done.code, done.out) == (code, "")
        assert told in done.err
        assert ("this is a fault of augalgebra" in done.err) == (code == 70)
        assert "Traceback" not in done.err
        assert max(map(len, done.err.splitlines()), default=0) < 500
    done = program("--debug", "compose", "flip_lr")
    assert done.code == code
    assert ("in fail" in done.err) == (code != 130)
    monkeypatch.delenv("AUGALG_DEBUG")


def test_what_a_name_holds_neither_moves_the_cursor_nor_colours_the_terminal(program: Callable[..., Any]) -> None:
    done = program("check", "gone\x1b[31m\x07\x9b1m")
    assert (done.code, done.out) == (2, "")
    assert "gone\\x1b[31m\\x07\\x9b1m" in done.err
    assert done.err.strip().isprintable()


@pytest.mark.parametrize(
    "command", ["equal flip_lr id", "laws flip_lr", "discover flip_lr", "invert flip_lr", "matrix"]
)
def test_images_of_any_size_are_refused_before_they_are_made(program: Callable[..., Any], command: str) -> None:
    done = program(*command.split(), "--size", "99999999999999999999", "--json")
    assert (done.code, done.out) == (2, "")
    assert "equal to 2048" in done.err
