import os
import stat
from pathlib import Path

import pytest

from augalgebra.errors import AugalgebraError
from augalgebra.files import write_atomically


def test_text_is_written_as_utf8_with_its_line_ends(tmp_path):
    write_atomically(tmp_path / "a.txt", "30°\nπ\r\n")
    assert "30°\nπ\r\n".encode() == (tmp_path / "a.txt").read_bytes()


def test_bytes_replace_what_was_there_and_leave_nothing_else(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old and longer")
    write_atomically(path, b"\x00new")
    assert path.read_bytes() == b"\x00new"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folders_are_made(tmp_path):
    write_atomically(tmp_path / "runs" / "flips" / "run.toml", "")
    assert (tmp_path / "runs" / "flips" / "run.toml").read_bytes() == b""


@pytest.mark.parametrize("fault", ["replace", "fsync"])
def test_a_failure_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch, fault):
    path = tmp_path / "model"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((Path, "replace") if fault == "replace" else (os, "fsync")), fail)
    with pytest.raises(AugalgebraError, match=r"^cannot write .*model: No space left on device$"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_bytes(b"old")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_where_a_folder_should_be_is_one_clear_line(tmp_path):
    (tmp_path / "runs").write_bytes(b"")
    with pytest.raises(AugalgebraError, match=r"^cannot write .*run\.toml: \w[^\n]*$"):
        write_atomically(tmp_path / "runs" / "run.toml", "x")


def test_new_files_have_the_usual_mode(tmp_path):
    old = os.umask(0o027)
    try:
        write_atomically(tmp_path / "new", "x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
