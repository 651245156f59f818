"""That every row runs; what it measures on tiny input says nothing."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.harness import measure
from bench.table import SUBJECTS

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.filterwarnings("default")  # peers warn of what they like
@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_row_runs(subject):
    for row in importlib.import_module(f"bench.{subject}").rows(smoke=True):
        result = measure(row, smoke=True)
        assert not result.failed, f"{row.name}: {result.failed}"
        assert result.value is not None or result.missing


def run(*arguments):
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)


def test_the_table_and_the_file_name_the_machine(tmp_path):
    file = tmp_path / "new" / "bench.json"
    done = run("--smoke", "--only", "laws", "--threads", "1", "--json", str(file))
    assert done.returncode == 0, done.stderr
    content = json.loads(file.read_text())
    assert content["machine"]["threads"] == 1
    assert content["machine"]["processor"] in done.stdout
    assert {row["subject"] for row in content["rows"]} == {"laws"}
    assert all(row["ours"]["median"] > 0 for row in content["rows"])


def test_a_subject_that_there_is_not_is_named():
    done = run("--only", "words,weather")
    assert done.returncode == 2
    assert "there is no subject 'weather'; there are words, moments" in done.stderr
