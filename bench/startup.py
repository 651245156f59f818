"""Rows about the program: how long it takes to start and answer, and what many plugins and isolation cost.

Commands run in new processes, with modules compiled and with what is remembered of plugins in a folder of their own.
Processor seconds are counted there, which other programs disturb less than the seconds that pass.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

import augalgebra as aa
from bench.harness import Call, Peer, Row

COMMANDS = {
    "augalg --help": ["--help"],
    "augalg compose": ["compose", "flip_lr * flip_ud"],
    "augalg equal": ["equal", "rotate_cw * flip_lr", "flip_lr * rotate_cw^-1"],
    "augalg list": ["list"],
}
REFERENCE = "import typer, rich.table"
PLUGIN = """{imports}
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("negate", inverse="self")
    def negate(x):
        return 1 - x
"""


def rows(*, smoke: bool) -> Iterator[Row]:
    """The rows."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        environment = _environment(folder)
        for name, arguments in list(COMMANDS.items())[: 1 if smoke else None]:
            yield Row(
                name,
                _program(arguments, folder, environment),
                (Peer(f"python -c '{REFERENCE}'", _process(["-c", REFERENCE], folder, environment)),),
                counted="processor seconds of one command",
                unit="s",
                kind="less",
            )
        count = 2 if smoke else 100
        site = _install(folder / "site", count)
        many = environment | {"PYTHONPATH": os.pathsep.join([str(site), environment["PYTHONPATH"]])}
        yield Row(
            f"augalg plugins list, with {count} plugins more",
            _program(["plugins", "list"], folder, many),
            (Peer("without them", _program(["plugins", "list"], folder, environment)),),
            counted="processor seconds of one command; half of the plugins import torch",
            unit="s",
            kind="less",
        )
        (folder / "mine.py").write_text(PLUGIN.format(imports=""))
        yield Row(
            "augalg register, one augmentation with one law",
            _program(["register", "mine.py"], folder, environment),
            counted="processor seconds of one command",
            unit="s",
            kind="less",
        )
    yield from _isolation()


def _environment(folder: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    paths = [str(Path(path).resolve()) for path in sys.path if path]
    own = {"PYTHONPYCACHEPREFIX": f"{folder}/compiled", "XDG_CACHE_HOME": f"{folder}/cache"}
    return kept | own | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _program(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Call:
    return _process(["-m", "augalg_cli.app", *arguments], folder, environment)


def _process(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Call:
    def call() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return call


def _install(site: Path, count: int) -> Path:
    """Plugins as pip would install them."""
    for number in range(count):
        name = f"acme_{number}"
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[augalgebra]\n{name} = {name}\n")
        (site / f"{name}.py").write_text(PLUGIN.format(imports="import torch" if number % 2 else ""))
    return site


def _isolation() -> Iterator[Row]:
    """What it costs that a plugin cannot take the program down."""
    catalog, images = aa.load_catalog(aa.Settings()), torch.rand(64, 1, 28, 28)
    flip = catalog.resolve("flip_lr")
    yield Row(
        "one augmentation applied, isolated from the process",
        lambda: flip.apply(images),
        (Peer("the function alone", lambda: flip.function(images)),),
        counted="flip_lr of 64 images of 28 × 28",
        unit="µs",
    )
