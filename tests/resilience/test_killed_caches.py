"""Killed at random moments, work on a cache loses nothing, and begun again it ends as if undisturbed."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from cached_codes import build_registry, draw_pictures, write_sd_scripts
from faults import Faults, Killed

from augalgebra.caches.cache import Cache
from augalgebra.caches.comparing import strip_cache
from augalgebra.caches.moving import augment_cache, move_cache

WORK = """
import json, os, signal, sys
from pathlib import Path
from cached_codes import build_registry
from augalgebra.caches.cache import Cache
from augalgebra.caches.comparing import strip_cache
from augalgebra.caches.moving import augment_cache
registry = build_registry()
for line in sys.stdin:
    process = os.fork()
    if process == 0:
        what, folder, *out = json.loads(line)
        cache = Cache.open(folder)
        print("ready", flush=True)
        os.dup2(2, 1)  # what the work and its workers write, even after the kill, is no answer
        if what == "strip":
            strip_cache(cache, registry)
        else:
            augment_cache(cache, ["flip_lr", "rotate_cw"], registry, Path(out[0]), jobs=out[1])
        os._exit(0)
    sys.stdin.readline()
    os.kill(process, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""
"""Begins, for a line, a process that works on a cache, and kills it at the next line; answers with its exit code."""
REGISTRY = build_registry()
PICTURES = draw_pictures(60)


def contents(folder: Path) -> dict[str, bytes]:
    """All files of codes that a trainer would find."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("[!.]*.npz"))}


@pytest.fixture
def kill_at() -> Iterator[Callable[..., bool]]:
    """Begin work in another process and kill it so many seconds after it began; returns whether it was killed."""
    command = [sys.executable, "-c", WORK]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=Path(__file__).parent.parent, bufsize=1, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def kill(moment: float, *arguments: object) -> bool:
            process.stdin.write(json.dumps(arguments, default=str) + "\n")
            assert process.stdout.readline() == "ready\n"
            time.sleep(moment)
            process.stdin.write("\n")
            return int(process.stdout.readline()) == -signal.SIGKILL

        yield kill


def whole(folder: Path) -> set[str]:
    """The files that a trainer reads; each is whole."""
    for path in folder.glob("[!.]*.npz"):
        with np.load(path) as file:
            assert all(np.isfinite(file[name]).all() for name in file)
    return set(contents(folder))


def test_ten_kills_at_random_moments_lose_nothing(tmp_path: Path, kill_at: Callable[..., bool]) -> None:
    cache = tmp_path / "cache"
    write_sd_scripts(cache, PICTURES)
    before = contents(cache)
    augment_cache(Cache.open(cache), ["flip_lr", "rotate_cw"], REGISTRY, tmp_path / "undisturbed")
    moments = random.Random(14)
    there, kills = set[str](), 0
    for number in range(7):
        kills += kill_at(moments.uniform(0, 0.4), "augment", cache, tmp_path / "out", 1 + number % 2)
        now = whole(tmp_path / "out")
        assert now >= there  # what was there stays
        there = now
    written = augment_cache(Cache.open(cache), ["flip_lr", "rotate_cw"], REGISTRY, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")
    assert written.files + written.before == 60
    assert contents(cache) == before
    for _ in range(3):
        kills += kill_at(moments.uniform(0, 0.4), "strip", cache)
        assert whole(cache) == set(before)
    strip_cache(Cache.open(cache), REGISTRY)
    write_sd_scripts(tmp_path / "single", PICTURES, flipped=False)
    for path in cache.glob("*.npz"):
        arrays, expected = np.load(path), np.load(tmp_path / "single" / path.name)
        assert sorted(arrays) == sorted(expected)
        assert all(np.array_equal(arrays[key], expected[key]) for key in expected)
    assert kills >= 5
    assert [path for folder in (cache, tmp_path / "out") for path in folder.glob(".*.part")] == []


def test_killed_at_any_operation_on_the_disk_what_is_there_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sd_scripts(tmp_path / "cache", PICTURES[:2])
    cache, out = Cache.open(tmp_path / "cache"), tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        faults = Faults(patch)
        move_cache(cache, "flip_lr", REGISTRY, tmp_path / "undisturbed")
        operations = len(faults.log)
    expected = contents(tmp_path / "undisturbed")
    assert operations > 10
    for stop in range(operations):
        shutil.rmtree(out, ignore_errors=True)
        with pytest.MonkeyPatch.context() as patch:
            Faults(patch).stop_at = stop
            with pytest.raises(Killed):
                move_cache(cache, "flip_lr", REGISTRY, out)
        assert contents(out).items() <= expected.items()
        move_cache(cache, "flip_lr", REGISTRY, out)
        assert contents(out) == expected
