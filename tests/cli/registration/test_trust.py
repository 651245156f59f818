"""An answer tells whose laws it rests on, and what a plugin says of others' augmentations is checked first."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Program = Callable[..., Any]

CHEAT = """
import augalgebra as aa

@aa.hookimpl
def augalg_laws():
    return ["flip_lr = id"]
"""
FRIEND = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("friend.mirror", equals="flip_lr")
    def mirror(x):
        '''Mirror.'''
        return x.flip(-1)

    @register("friend.wipe", idempotent=True)
    def wipe(x):
        '''Wipe.'''
        return x * 0
"""


def plant(folder: Path, name: str, source: str) -> dict[str, str]:
    (folder / f"{name}.py").write_text(source)
    return {"AUGALG_PLUGINS": str(folder / f"{name}.py")}


def test_a_false_law_about_others_is_checked_once_told_and_not_used(program: Program, tmp_path: Path) -> None:
    env = plant(tmp_path, "cheat", CHEAT)
    assumed = program("equal", "flip_lr", "id", "--assume", "cheat", env=env)
    assert assumed.code == 0
    assert "= id  [flip_lr = id; cheat, not checked]" in assumed.out
    done = program("equal", "flip_lr", "id", env=env)
    assert done.code == 1
    assert "left out: flip_lr = id, declared by cheat: it is violated on images: flip_lr = id fails on" in done.err
    for arguments in (["equal", "flip_lr", "id", "--level", "laws"], ["equal", "flip_lr", "id", "--assume", "cheat"]):
        again = program(*arguments, "--json", env=env)
        assert again.code == 1
        assert again.data["equal"] is False
    for arguments in (["compose", "flip_lr"], ["inverse", "flip_lr"], ["route", "id", "flip_lr"], ["table", "flip_lr"]):
        done = program(*arguments, "--json", env=env)
        assert done.code == 0, done.err
        (left_out,) = done.data["left_out"]
        assert (left_out["law"], left_out["declared_by"], left_out["violated"]) == ("flip_lr = id", "cheat", True)
    unknown = program("equal", "flip_lr", "id", "--assume", "cheet", env=env)
    assert (unknown.code, "did you mean cheat?" in unknown.err) == (2, True)


def test_each_answer_names_who_declared_its_laws(program: Program, tmp_path: Path) -> None:
    env = plant(tmp_path, "friend", FRIEND)
    done = program("equal", "mirror * mirror * wipe * wipe", "wipe", env=env)
    assert done.code == 0, done.err
    assert "[mirror = flip_lr; friend, checked]" in done.out
    assert "[wipe^2 = wipe; friend, not checked]" in done.out
    assert "[flip_lr^2 = id; dihedral, checked]" in done.out
    steps = program("equal", "mirror * flip_lr", "id", "--json", env=env).data["proof"]
    assert [(step["declared_by"], step["checked"]) for step in steps] == [(["friend"], True), (["dihedral"], True)]
    for arguments in (["compose", "mirror"], ["inverse", "mirror"], ["route", "mirror", "id"], ["table", "mirror"]):
        answer = program(*arguments, "--json", env=env).data
        by = {law["law"]: (law["declared_by"], law["checked"]) for law in answer["rests_on"]}
        assert by["mirror = flip_lr"] == ("friend", True), arguments
        assert by["flip_lr^2 = id"] == ("dihedral", True), arguments
    text = program("compose", "mirror * wipe", env=env)
    assert "rests on     1 law of friend (checked), 1 law of friend (not checked)" in text.out
    assert (
        "rests on 1 law of friend (checked), 1 law of dihedral (checked)" in program("inverse", "mirror", env=env).err
    )


def test_what_was_checked_once_needs_no_tensors_any_more(tmp_path: Path) -> None:
    env = plant(tmp_path, "friend", FRIEND) | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    code = (
        "import sys; sys.argv = ['augalg', 'compose', 'mirror']\nfrom augalg_cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "print('torch' in sys.modules, file=sys.stderr)\n"
    )
    loaded = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | env, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        loaded.append(done.stderr.splitlines()[-1])
    assert loaded == ["True", "False"]


def test_what_was_registered_counts_as_checked_until_it_changes(program: Program, tmp_path: Path) -> None:
    plant(tmp_path, "friend", FRIEND)
    assert program("register", "friend.py").code == 0

    def wipe() -> list[bool]:
        answer = program("compose", "wipe * wipe", "--json").data
        return [law["checked"] for law in answer["rests_on"]]

    assert wipe() == [True]
    (tmp_path / "friend.py").write_text(f"# another version\n{FRIEND}")
    assert wipe() == [False]
