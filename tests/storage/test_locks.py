"""One writer at a time, and no lock that outlives its process."""

import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock

from augalgebra.errors import AugalgebraError, BusyError
from augalgebra.storage.locks import LOCK, lock

HOLDER = """
import sys, time
from augalgebra.storage.locks import lock
with lock(sys.argv[1], sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
"""


class Other:
    """Another process that holds the lock of a folder."""

    def __init__(self, folder: Path, doing: str) -> None:
        command = [sys.executable, "-c", HOLDER, folder, doing]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "held\n"

    def end(self) -> None:
        self.process.communicate("\n", timeout=30)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=30)


@pytest.mark.parametrize(("mine", "theirs"), [("trained", "trained"), ("trained", "changed"), ("changed", "trained")])
def test_what_takes_long_is_refused_by_the_name_of_the_process(tmp_path: Path, mine: str, theirs: str) -> None:
    other = Other(tmp_path, theirs)
    with pytest.raises(BusyError) as caught, lock(tmp_path, mine):
        pass
    other.end()
    text = f"{tmp_path} is being {theirs} by process {other.process.pid}; wait for it to end, or stop it"
    assert str(caught.value) == text
    with lock(tmp_path, mine):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_short_waits_and_says_so(tmp_path: Path) -> None:
    other, told = Other(tmp_path, "changed"), []

    def tell(text: str) -> None:
        told.append(text)
        threading.Timer(0.3, other.end).start()

    start = time.monotonic()
    with lock(tmp_path, "changed", tell=tell):
        assert time.monotonic() - start >= 0.3
    assert told == [f"{tmp_path} is being changed by process {other.process.pid}; waiting for it to end"]


@pytest.mark.parametrize(("mine", "theirs"), [("changed", "changed"), ("changed", "trained"), ("trained", "changed")])
def test_who_has_locked_and_not_yet_written_his_note_is_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mine: str, theirs: str
) -> None:
    held, told = FileLock(tmp_path / LOCK), list[str]()
    held.acquire()
    note = json.dumps({"process": 4321, "host": platform.node(), "doing": theirs})
    monkeypatch.setattr(time, "sleep", lambda _: (tmp_path / LOCK).write_text(note))

    def tell(text: str) -> None:
        told.append(text)
        held.release()

    try:
        with lock(tmp_path, mine, tell=tell):
            pass
    except BusyError as error:
        tell(str(error))
    assert [text.partition(";")[0] for text in told] == [f"{tmp_path} is being {theirs} by process 4321"]


def test_who_never_writes_a_note_is_another_process(tmp_path: Path) -> None:
    with FileLock(tmp_path / LOCK), pytest.raises(BusyError) as caught, lock(tmp_path, "trained"):
        pass
    assert str(caught.value) == f"{tmp_path} is being changed by another process; wait for it to end, or stop it"


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    Other(tmp_path, "trained").kill()
    assert (tmp_path / LOCK).exists()
    with lock(tmp_path, "trained"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_thread_may_lock_twice_and_another_may_not(tmp_path: Path) -> None:
    caught: list[BaseException] = []

    def elsewhere() -> None:
        try:
            with lock(tmp_path, "trained"):
                pass
        except BusyError as error:
            caught.append(error)

    with lock(tmp_path, "trained"), lock(tmp_path, "changed"):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert f"process {os.getpid()}" in str(caught[0])


def test_the_lock_of_a_linked_file_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "augalg.toml").write_text("")
    (tmp_path / "augalg.toml").symlink_to(tmp_path / "a" / "augalg.toml")
    with lock(tmp_path / "augalg.toml", "changed", is_file=True):
        assert (tmp_path / "a" / f".augalg.toml{LOCK}").exists()


def test_where_nothing_can_be_written_it_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AugalgebraError, match=r"^cannot write .*file: [^\n]+$"), lock(tmp_path / "file", "changed"):
        pass
    assert (tmp_path / "file").read_text() == ""
