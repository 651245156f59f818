import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from augalgebra.errors import AugalgebraError
from augalgebra.storage import files
from augalgebra.storage.files import check_ending, check_room, write_atomically


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


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_a_file_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "augalg.toml"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomically(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_file_keeps_its_owner(tmp_path):
    path = tmp_path / "augalg.toml"
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    write_atomically(path, "new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


@pytest.mark.parametrize("relative", [False, True])
def test_a_symbolic_link_stays_one_and_what_it_leads_to_is_replaced(tmp_path, relative):
    (tmp_path / "shared").mkdir()
    target = tmp_path / "shared" / "augalg.toml"
    target.write_bytes(b"old")
    for name, leads_to in (("link", target), ("link of a link", tmp_path / "link")):
        (tmp_path / name).symlink_to(os.path.relpath(leads_to, tmp_path) if relative else leads_to)
    write_atomically(tmp_path / "link of a link", "new")
    assert target.read_text() == "new"
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "link of a link").is_symlink()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["augalg.toml", "link", "link of a link", "shared"]


def test_a_link_to_nothing_makes_what_it_leads_to(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "other" / "file")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "other" / "file").read_text() == "new"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    write_atomically(pipe, "through")
    reader.join(10)
    assert found == ["through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_the_name_of_a_picture_says_what_it_is(tmp_path):
    for name in ("a.png", "a.PNG", "a.svg"):
        check_ending(tmp_path / name, ".png", ".svg")
    for name in ("a.txt", "a", "png", "a.png.svg", "."):
        with pytest.raises(AugalgebraError, match=r"is no name for a picture; let it end in \.png$"):
            check_ending(tmp_path / name, ".png")
    os.mkfifo(tmp_path / "pipe")
    for special in (tmp_path / "pipe", Path("/dev/null"), Path("/dev/stdout")):
        check_ending(special, ".png")


def test_a_full_device_is_one_line_and_stays_a_device():
    with pytest.raises(AugalgebraError, match=r"^cannot write /dev/full: No space left on device$"):
        write_atomically("/dev/full", "x" * 100)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)
    write_atomically("/dev/null", "x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr"])
def test_standard_output_is_written_to_where_it_stands(tmp_path, name):
    # behind it is a regular file, in the midst of being written
    script = f"""
import sys
from augalgebra.storage.files import write_atomically
stream = sys.stderr if "stderr" in {name!r} else sys.stdout
print("before", file=stream, flush=True)
write_atomically({name!r}, "told\\n")
print("after", file=stream, flush=True)
"""
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, "-c", script], stdout=out, stderr=out, check=True)
    assert (tmp_path / "out").read_text() == "before\ntold\nafter\n"


def killed(path: Path) -> Path:
    """What a process that was killed while it wrote a file leaves."""
    script = f"""
import os, signal
from augalgebra.storage import files
files.sync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
files.write_atomically({str(path)!r}, "half")
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode < 0
    (part,) = path.parent.glob(".*.part")
    return part


def test_what_a_killed_process_left_goes_with_the_next_write_and_what_is_being_written_stays(tmp_path, monkeypatch):
    part = killed(tmp_path / "model")
    mine = tmp_path / ".notes.part"
    mine.write_text("of somebody else")
    sync, seen = files.sync, []

    def meanwhile(file):
        monkeypatch.setattr(files, "sync", sync)
        write_atomically(tmp_path / "other", "x")  # finds one that is left, and one that is being written
        seen.extend(files.parts_in(tmp_path))
        sync(file)

    monkeypatch.setattr(files, "sync", meanwhile)
    write_atomically(tmp_path / "model", "whole")
    assert len(seen) == 1
    assert seen != [part]
    assert {path.name for path in tmp_path.iterdir()} == {"model", "other", mine.name}
    assert (tmp_path / "model").read_text() == "whole"


def test_room_is_tried_out_and_given_back(tmp_path, monkeypatch):
    check_room(tmp_path / "new", 3 << 20)
    assert list((tmp_path / "new").iterdir()) == []
    written = []

    def full(file, data):
        written.append(len(data))
        if sum(written) > 2 << 20:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write", full)
    with pytest.raises(AugalgebraError, match=r"^cannot write .*new: No space left on device$"):
        check_room(tmp_path / "new", 3 << 20)
    assert list((tmp_path / "new").iterdir()) == []
