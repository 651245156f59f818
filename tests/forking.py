"""Processes of the program that begin with the heavy packages imported: nearly all seconds of a command are imports.

One process imports other people's packages, none of this project's, and forks for each call. The fork is a process
like any other: with its own folder, environment, outputs and exit code. It ends as Python ends, but does not take apart
what was imported, which takes longer than most commands.
"""

import atexit
import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PACKAGES = (
    "albumentations",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "safetensors.torch",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.decomposition",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.neighbors",
    "torch._dynamo",
    "torch.utils.data",
)


class Forks:
    """Runs the program in forks of one process, one at a time."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None

    def run(
        self, arguments: Sequence[str | Path], folder: Path, environment: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        """Run the program to its end, without an input."""
        server = self._server or self._start()
        assert server.stdin is not None
        assert server.stdout is not None
        with tempfile.TemporaryDirectory() as outputs:
            call = [list(map(str, arguments)), str(folder), dict(environment), outputs]
            self._server = None  # until it has answered: a test that is given up leaves no answer to the next one
            try:
                server.stdin.write(json.dumps(call) + "\n")
                server.stdin.flush()
                code = int(server.stdout.readline())
            except BaseException:
                _end(server)
                raise
            self._server = server
            out, err = (Path(outputs, name).read_text(encoding="utf-8") for name in ("out", "err"))
        return subprocess.CompletedProcess(call[0], code, out, err)

    def close(self) -> None:
        """End the process that forks."""
        if self._server is not None:
            _end(self._server)

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-P", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"},
            start_new_session=True,
        )


def _end(server: "subprocess.Popen[str]") -> None:
    with server:
        os.killpg(server.pid, 9)


def serve() -> None:
    """Fork for each call that is read; answers with the exit code of the fork."""
    for package in PACKAGES:
        with suppress(ImportError):
            importlib.import_module(package)
    gc.freeze()  # so that the forks share it
    for line in sys.stdin:
        process = os.fork()
        if not process:
            run(*json.loads(line))
        _, status = os.waitpid(process, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def run(arguments: list[str], folder: str, environment: dict[str, str], outputs: str) -> None:
    """Be the program, and end as it ends."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate((os.devnull, f"{outputs}/out", f"{outputs}/err")):
        os.dup2(os.open(path, os.O_CREAT | os.O_RDWR), number)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = ["augalg", *arguments]
    from augalg_cli.app import main

    code = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
