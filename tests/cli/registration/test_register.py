"""Registering plugins in a workspace, as a user would: the program is run in an empty folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Program = Callable[..., Any]

GOOD = (Path(__file__).parent.parent.parent / "fixtures" / "negate.py").read_text()
FALSE = GOOD.replace('["flip_lr"]', '["flip_lr", "solarize"]')
FALSE_LAW = "negate * solarize(threshold) = solarize(threshold) * negate"


def test_a_registered_file_is_there_from_then_on(program: Program, tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text(GOOD)
    done = program("register", "wave.py")
    assert done.code == 0, done.err
    assert "2 laws: 2 hold" in done.out
    assert program("equal", "negate * negate", "id").code == 0
    (listed,) = program("list", "--plugin", "wave", "--json").data["augmentations"]
    assert (listed["name"], listed["registered"]) == ("wave.negate", "wave")
    assert "registered" in program("plugins", "list").out
    assert program("unregister", "negate").code == 0
    assert not (tmp_path / "augalg.toml").exists()
    assert program("equal", "negate * negate", "id").code == 2


def test_a_registration_says_what_was_registered(program: Program, tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text(GOOD.replace("def negate(x)", "def negate(x, strength=1.0)"))
    done = program("register", "wave.py", "--json").data
    assert (done["name"], done["target"], done["kind"], done["plugins"]) == ("wave", "wave.py", "file", ["wave"])
    assert done["augmentations"][0]["signature"] == "negate(strength=1)"
    assert done["registered"]
    assert done["changed"]
    assert {item["verdict"] for item in done["laws"]["results"]} == {"holds"}


def test_registering_again_leaves_the_file_as_it_is(program: Program, tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text(GOOD)
    assert program("register", "wave.py", "--accept-proposed").code == 0
    before = (tmp_path / "augalg.toml").read_bytes()
    for more in ([], ["--accept-proposed"]):
        done = program("register", "wave.py", "--json", *more)
        assert done.code == 0
        assert not done.data["changed"]
        assert (tmp_path / "augalg.toml").read_bytes() == before
    assert "changed" not in program("plugins", "list").err


def test_what_else_is_in_the_file_stays(program: Program, tmp_path: Path) -> None:
    mine = '# mine\r\n[plugins]\r\ndisable = ["noise"]   # too loud\r\n'
    (tmp_path / "augalg.toml").write_bytes(mine.encode())
    (tmp_path / "wave.py").write_text(GOOD)
    assert program("register", "wave.py").code == 0
    assert (tmp_path / "augalg.toml").read_bytes().startswith(mine.encode())
    with (tmp_path / "augalg.toml").open("ab") as file:
        file.write(b"\r\n# more of mine\r\n[elsewhere]\r\nx = 1\r\n")
    assert program("register", "wave.py", "--accept-proposed").code == 0
    assert program("unregister", "wave").code == 0
    assert (tmp_path / "augalg.toml").read_bytes() == (mine + "\r\n# more of mine\r\n[elsewhere]\r\nx = 1\r\n").encode()


def test_a_dry_run_records_nothing(program: Program, tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text(GOOD)
    done = program("register", "wave.py", "--dry-run")
    assert done.code == 0
    assert "nothing was recorded" in done.out
    assert not (tmp_path / "augalg.toml").exists()


def test_a_violated_law_refuses_with_the_law_that_holds(program: Program, tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text(FALSE)
    done = program("register", "wave.py")
    assert done.code == 1
    assert f'refused: {FALSE_LAW} is violated; mend it, or admit it as violated: --allow-violated "{FALSE_LAW}"' in (
        done.out
    )
    assert "instead:" in done.out
    assert not (tmp_path / "augalg.toml").exists()


@pytest.mark.parametrize("asked", ["commutes", FALSE_LAW], ids=["by kind", "by equation"])
def test_a_law_admitted_as_violated_is_shown_and_never_used(program: Program, tmp_path: Path, asked: str) -> None:
    (tmp_path / "wave.py").write_text(FALSE)
    done = program("register", "wave.py", "--allow-violated", asked)
    assert done.code == 0
    assert "admitted as violated, and never used" in done.out
    assert program("equal", "negate * solarize(0.3)", "solarize(0.3) * negate").code == 1
    assert program("equal", "negate * flip_lr", "flip_lr * negate", "--json").data["level"] == "laws"
    (listed,) = program("list", "--plugin", "wave", "--json").data["augmentations"]
    assert [law["status"] for law in listed["laws"] if "solarize" in law["equation"]] == ["violated"]
    assert "violated: " in " ".join(program("list", "--plugin", "wave").out.split())
    assert "violated, never used" in " ".join(program("plugins", "info", "wave").out.split())
    # asked for once is enough
    assert program("register", "wave.py").code == 0


def test_only_a_violated_law_can_be_allowed(program: Program, tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text(FALSE)
    done = program("register", "wave.py", "--allow-violated", "negate * negate = id")
    assert (done.code, done.out) == (2, "")
    assert "names no violated law" in done.err
    assert FALSE_LAW in done.err


def test_a_pipeline_of_a_file_is_registered_and_watched(program: Program, tmp_path: Path) -> None:
    import albumentations

    pipeline = albumentations.Compose([albumentations.HorizontalFlip(p=1), albumentations.Transpose(p=1)])
    albumentations.save(pipeline, tmp_path / "turn.json")
    done = program("register", "turn.json", "--json").data
    assert done["name"] == "turn"
    assert "turn = rotate_ccw" in {item["equation"] for item in done["proposed"]}
    assert program("plugins", "list").err == ""
    (tmp_path / "turn.json").write_text((tmp_path / "turn.json").read_text() + " ")
    assert "turn has changed since it was registered (its content is another now)" in program("plugins", "list").err
    (tmp_path / "turn.json").unlink()
    assert "turn is registered but did not load: the registered file turn.json is gone" in program("list").err


def test_a_file_that_changed_or_vanished_is_named(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "wave.py"
    file.write_text(GOOD)
    assert program("register", "wave.py", "--accept-proposed").code == 0
    file.write_text(GOOD.replace(', commutes_with=["flip_lr"]', ""))
    done = program("plugins", "list", "--json")
    assert "wave has changed since it was registered" in done.err
    assert "register it again" in done.err
    (info,) = [item for item in done.data["plugins"] if item["name"] == "wave"]
    assert "the laws of wave.negate are others now" in info["changed"]
    assert program("register", "wave.py").code == 0
    assert program("plugins", "list").err == ""
    file.unlink()
    done = program("equal", "flip_lr", "flip_lr")
    assert done.code == 0
    assert "the registered file wave.py is gone" in done.err
    assert len(done.err.splitlines()) == 1
    assert program("unregister", "wave").code == 0


def test_installed_plugins_can_be_registered(program: Program, tmp_path: Path) -> None:
    assert program("register", "noise").code == 0
    done = program("plugins", "list", "--json").data
    assert [item["name"] for item in done["plugins"] if item["registered"]] == ["noise"]
    (tmp_path / "augalg.toml").write_text((tmp_path / "augalg.toml").read_text().replace("noise", "gone"))
    assert "gone is registered but did not load" in program("list").err


def test_output_is_pure_json_in_a_process_of_its_own(augalg: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text("print('loading')\n" + GOOD.replace("return", "print('applied'); return"))
    done = augalg("register", "wave.py", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["registered"]
    again = augalg("compose", "negate * negate", "--json")
    assert json.loads(again.stdout)["normal_form"] == "id"
