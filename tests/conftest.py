"""Settings shared by all tests."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from forking import Forks
from hypothesis import settings

# the tensors of tests are so small that threads only get into each other's way
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("suite", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("suite")

NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")

Augalg = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def few_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty handwritten digits of 16×16 pixels and their classes, in a file."""
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.kron(digits.images[:60], np.ones((2, 2))) / 16  # [60, 16, 16]
    file = tmp_path_factory.mktemp("data") / "few.npz"
    np.savez(file, images=images.astype(np.float32), labels=digits.target[:60])
    return file


@pytest.fixture(scope="session")
def causal_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A causal run on a few pictures of a pendulum; whoever changes it copies it first."""
    from causal_runs import make_run

    folder = tmp_path_factory.mktemp("causal") / "run"
    make_run(folder)
    return folder


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Processes of the program, without the seconds of importing other people's packages."""
    forks = Forks()
    yield forks
    forks.close()


@pytest.fixture
def augalg(tmp_path: Path, forks: Forks) -> Augalg:
    """Run the program as a user would, in an empty folder; returns exit code, output and error output."""

    def run(
        *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        cache = str(tmp_path.with_name(f"{tmp_path.name}-cache"))  # not the user's, and not in the workspace
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AUGALG_") or k == "AUGALG_DATA"}
        environment |= NO_NETWORK | {"COLUMNS": "80", "NO_COLOR": "1", "XDG_CACHE_HOME": cache} | (env or {})
        if sys.platform == "linux" and not any(name.startswith("PYTHON") for name in env or ()):
            return forks.run(arguments, cwd or tmp_path, environment)
        program = Path(sys.executable).with_name("augalg")  # for what Python reads only as it begins
        return subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd or tmp_path,
            env=environment,
            timeout=240,
        )

    return run


class Done(NamedTuple):
    """What became of a call of the program."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The answer in JSON."""
        answer: dict[str, Any] = json.loads(self.out)
        return answer


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run the program's main function in an empty folder, without the seconds that a new process takes to import."""
    from augalg_cli import app, options

    monkeypatch.chdir(tmp_path)
    cache = tmp_path.with_name(f"{tmp_path.name}-cache")
    for variable, value in (NO_NETWORK | {"COLUMNS": "80", "NO_COLOR": "1", "XDG_CACHE_HOME": str(cache)}).items():
        monkeypatch.setenv(variable, value)
    for variable in ("AUGALG_PLUGINS", "AUGALG_DISABLE", "AUGALG_DEBUG"):
        monkeypatch.setenv(variable, "")  # so that what the program sets is taken back after the test
        monkeypatch.delenv(variable)

    def run(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Done:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["augalg", *arguments])
            for variable, value in (env or {}).items():
                patch.setenv(variable, value)
            if cwd is not None:
                patch.chdir(cwd)
            options.catalog.cache_clear()
            capsys.readouterr()
            try:
                app.main()
                code = 0
            except SystemExit as stop:
                code = int(stop.code or 0)
            return Done(code, *capsys.readouterr())

    return run
