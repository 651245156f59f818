"""An answer tells whose laws it rests on, and what a plugin says of others' augmentations is checked first."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Augalg = Callable[..., Any]

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


def test_a_false_law_about_others_is_checked_once_told_and_not_used(augalg: Augalg, tmp_path: Path) -> None:
    env = plant(tmp_path, "cheat", CHEAT)
    assumed = augalg("equal", "flip_lr", "id", "--assume", "cheat", env=env)
    assert assumed.returncode == 0
    assert "= id  [flip_lr = id; cheat, not checked]" in assumed.stdout
    done = augalg("equal", "flip_lr", "id", env=env)
    assert done.returncode == 1
    assert "left out: flip_lr = id, declared by cheat: it is violated on images: flip_lr = id fails on" in done.stderr
    for arguments in (["equal", "flip_lr", "id", "--level", "laws"], ["equal", "flip_lr", "id", "--assume", "cheat"]):
        again = augalg(*arguments, "--json", env=env)
        assert again.returncode == 1
        assert json.loads(again.stdout)["equal"] is False
    for arguments in (["compose", "flip_lr"], ["inverse", "flip_lr"], ["route", "id", "flip_lr"], ["table", "flip_lr"]):
        done = augalg(*arguments, "--json", env=env)
        assert done.returncode == 0, done.stderr
        (left_out,) = json.loads(done.stdout)["left_out"]
        assert (left_out["law"], left_out["declared_by"], left_out["violated"]) == ("flip_lr = id", "cheat", True)
    unknown = augalg("equal", "flip_lr", "id", "--assume", "cheet", env=env)
    assert (unknown.returncode, "did you mean cheat?" in unknown.stderr) == (2, True)


def test_each_answer_names_who_declared_its_laws(augalg: Augalg, tmp_path: Path) -> None:
    env = plant(tmp_path, "friend", FRIEND)
    done = augalg("equal", "mirror * mirror * wipe * wipe", "wipe", env=env)
    assert done.returncode == 0, done.stderr
    assert "[mirror = flip_lr; friend, checked]" in done.stdout
    assert "[wipe^2 = wipe; friend, not checked]" in done.stdout
    assert "[flip_lr^2 = id; dihedral, checked]" in done.stdout
    steps = json.loads(augalg("equal", "mirror * flip_lr", "id", "--json", env=env).stdout)["proof"]
    assert [(step["declared_by"], step["checked"]) for step in steps] == [(["friend"], True), (["dihedral"], True)]
    for arguments in (["compose", "mirror"], ["inverse", "mirror"], ["route", "mirror", "id"], ["table", "mirror"]):
        answer = json.loads(augalg(*arguments, "--json", env=env).stdout)
        by = {law["law"]: (law["declared_by"], law["checked"]) for law in answer["rests_on"]}
        assert by["mirror = flip_lr"] == ("friend", True), arguments
        assert by["flip_lr^2 = id"] == ("dihedral", True), arguments
    text = augalg("compose", "mirror * wipe", env=env)
    assert "rests on     1 law of friend (checked), 1 law of friend (not checked)" in text.stdout
    assert (
        "rests on 1 law of friend (checked), 1 law of dihedral (checked)" in augalg("inverse", "mirror", env=env).stderr
    )


def test_what_was_checked_once_needs_no_tensors_any_more(augalg: Augalg, tmp_path: Path) -> None:
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


def test_what_was_registered_counts_as_checked_until_it_changes(augalg: Augalg, tmp_path: Path) -> None:
    plant(tmp_path, "friend", FRIEND)
    assert augalg("register", "friend.py").returncode == 0

    def wipe() -> list[bool]:
        answer = json.loads(augalg("compose", "wipe * wipe", "--json").stdout)
        return [law["checked"] for law in answer["rests_on"]]

    assert wipe() == [True]
    (tmp_path / "friend.py").write_text(f"# another version\n{FRIEND}")
    assert wipe() == [False]
