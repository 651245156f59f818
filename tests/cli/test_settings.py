"""What may be wrong with augalg.toml, and what is said of it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_a_byte_order_mark_is_no_error(program: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "augalg.toml").write_bytes(b"\xef\xbb\xbf[plugins]\ndisable = ['noise']\n")
    done = program("plugins", "list", "--json")
    assert done.code == 0
    assert {item["name"]: item["status"] for item in done.data["plugins"]}["noise"] == "disabled"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a = " + "[" * 5000, "not valid TOML"),
        ("a = " + "9" * 5000, "not valid TOML"),
        ("a = ", "not valid TOML"),
        ("x" * 10_000_001, "it has 10000001 bytes, more than 10000000"),
        (None, "is no regular file"),
        ('[plugins]\nfolder = ["mine"]', "unknown key 'folder'; did you mean folders? in "),
        ('[plugin]\nfolders = ["mine"]', "unknown table 'plugin'; did you mean plugins? in "),
        ('[plugins]\ndisable = "noise"', "[plugins]: disable must be a list of at most 10000 texts, not 'noise'"),
        ('[plugins]\nfolders = [".."]', "[plugins]: folders: '..' leads out of this folder; name it in AUGALG_PLUGINS"),
        ('[plugins]\nfolders = ["/"]', "[plugins]: folders: '/' leads out of this folder"),
        ('[plugins]\nfolders = ["a\\u0000"]', "[plugins]: folders must be a list of printable paths"),
    ],
    ids=[
        *("nested", "digits", "broken", "huge", "pipe", "misspelt key", "misspelt table", "no list", "elsewhere"),
        *("root", "null"),
    ],
)
def test_a_workspace_file_that_cannot_be_read(
    program: Callable[..., Any], tmp_path: Path, content: str | None, told: str
) -> None:
    file = tmp_path / "augalg.toml"
    if content is None:
        os.mkfifo(file)
    else:
        file.write_text(content)
    done = program("list", "--json")
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "augalg.toml" in done.err
