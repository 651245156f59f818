"""Code of plugins is run so that it ends, prints and changes nothing but its own; each check has a fault planted."""

import builtins
import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from augalgebra.augmentation import Augmentation
from augalgebra.errors import AugmentationError, PluginError
from augalgebra.isolation import MOST_ITEMS, IsolationError, isolate, seconds_allowed, take

IMAGES = torch.rand(3, 1, 4, 6, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def _only_own_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out threads that libraries began in tests before: beside other threads less is watched."""
    count = threading.active_count
    others = count() - 1
    monkeypatch.setattr(threading, "active_count", lambda: count() - others)


class Panic(BaseException):
    """What a panic in compiled code arrives as."""


def raising(error: BaseException) -> Callable[[torch.Tensor], torch.Tensor]:
    def function(x: torch.Tensor) -> torch.Tensor:
        raise error

    return function


def after(fault: Callable[[], object]) -> Callable[[torch.Tensor], torch.Tensor]:
    def function(x: torch.Tensor) -> torch.Tensor:
        fault()
        return x.flip(-1)

    return function


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no"), "no"),
        (SystemExit(0), r"it called exit\(0\)"),
        (Panic("the engine stopped"), "Panic: the engine stopped"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
    ],
    ids=lambda item: type(item).__name__,
)
def test_whatever_an_augmentation_raises_is_an_error_under_its_name(error: BaseException, text: str) -> None:
    augmentation = Augmentation("acme.f", raising(error), plugin="acme")
    with pytest.raises(AugmentationError, match=rf"acme\.f \(plugin acme\) failed on images of 4×6 .*{text}"):
        augmentation.apply(IMAGES)


CHANGES = {
    "seeds torch": (lambda: torch.manual_seed(3), "the global random state of torch"),
    "draws from torch": (lambda: torch.rand(1), "the global random state of torch"),
    "seeds numpy": (lambda: np.random.seed(3), "the global random state of numpy.random"),  # noqa: NPY002
    "draws from numpy": (lambda: np.random.rand(), "the global random state of numpy.random"),  # noqa: NPY002
    "draws from random": (random.random, "the global random state of random"),
    "grad mode": (lambda: torch.set_grad_enabled(False), "whether torch records gradients"),
    "data type": (lambda: torch.set_default_dtype(torch.float64), "torch's default data type"),
    "device": (lambda: torch.set_default_device("meta"), "torch's default device"),
    "folder": (lambda: os.chdir("/"), "the current folder"),
    "environment": (lambda: os.environ.update(ACME="1"), "environment variables"),
    "less environment": (lambda: os.environ.pop("PATH"), "environment variables"),
    "filters": (lambda: warnings.simplefilter("ignore"), "the filters of warnings"),
    "strict filters": (lambda: warnings.simplefilter("error", ResourceWarning), "warnings into errors"),
    "recursion": (lambda: sys.setrecursionlimit(5_000), "the recursion limit"),
    "print": (lambda: setattr(builtins, "print", lambda *_: None), "Python's built-in functions"),
    "errstate": (lambda: np.seterr(all="raise"), "numpy's handling of floating-point errors"),
}


def process() -> tuple[object, ...]:
    """Everything that a plugin has to leave alone, read in the plainest way."""
    state = np.random.get_state(legacy=False)  # noqa: NPY002
    return (
        Path.cwd(),
        dict(os.environ),
        list(warnings.filters),
        sys.getrecursionlimit(),
        builtins.print,
        sys.stdout,
        random.getstate(),
        (state["state"]["key"].tolist(), state["state"]["pos"]),
        torch.get_rng_state().tolist(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        torch.get_default_device(),
        np.geterr(),
    )


@pytest.mark.parametrize("name", CHANGES)
def test_what_an_augmentation_changes_is_told_and_put_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault, what = CHANGES[name]
    monkeypatch.setenv("STAYS", "as it is")
    augmentation = Augmentation("acme.f", after(fault), plugin="acme")
    before = process()
    with pytest.raises(AugmentationError, match=rf"acme\.f \(plugin acme\) failed .*it changed .*{what}"):
        augmentation.apply(IMAGES)
    assert process() == before


@pytest.mark.parametrize("name", CHANGES)
def test_it_is_put_back_also_where_something_was_raised(name: str) -> None:
    fault, _ = CHANGES[name]

    def function(x: torch.Tensor) -> torch.Tensor:
        fault()
        raise SystemExit(0)

    before = process()
    with pytest.raises(AugmentationError, match="exit"):
        Augmentation("acme.f", function).apply(IMAGES)
    assert process() == before


def test_what_an_import_changes_is_nobodys_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_library.py").write_text(
        "import os, random, warnings\nos.environ['ACME_THREADS'] = '1'\nrandom.seed(0)\n"
        "warnings.filterwarnings('ignore', message='acme')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("ACME_THREADS", "2")
    with warnings.catch_warnings():
        state = random.getstate()
        Augmentation("acme.f", after(lambda: __import__("acme_library"))).apply(IMAGES)
        assert random.getstate() == state
        assert os.environ["ACME_THREADS"] == "1"


def numpy_in_place(x: torch.Tensor) -> torch.Tensor:
    x.numpy()[...] = 0
    return x.clone()


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda x: x.mul_(0.5), "changed the images it was given"),
        (numpy_in_place, "changed the images it was given"),
        (lambda x: x[2:].zero_().expand_as(x).clone(), "changed the images it was given"),
        (lambda x: x / 0 * 0, "returned pixels that are NaN or infinite for images of 4×6 pixels"),
        (lambda x: x / 0, "returned pixels that are NaN or infinite"),
        (lambda x: x.to("meta"), "returned a batch on meta for one on cpu"),
    ],
    ids=["in place", "by numpy", "only the last", "nan", "infinite", "device"],
)
def test_what_it_does_to_pixels_is_told(function: Callable[[torch.Tensor], torch.Tensor], text: str) -> None:
    with pytest.raises(AugmentationError, match=text):
        Augmentation("acme.f", function, plugin="acme").apply(IMAGES.clone())


def test_large_values_in_half_precision_are_finite() -> None:
    large = torch.full((1, 1, 64, 64), 60_000.0, dtype=torch.float16)
    assert torch.equal(Augmentation("acme.f", lambda x: x.clone()).apply(large), large)


def test_what_it_prints_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Augmentation("acme.f", after(lambda: sys.stdout.write("hello\n"))).apply(IMAGES)
    assert capsys.readouterr() == ("", "hello\n")


def test_standard_output_is_put_back_in_whatever_order_threads_end() -> None:
    before, first, second = sys.stdout, threading.Event(), threading.Event()

    def run() -> None:
        with isolate():
            first.set()
            second.wait(10)

    thread = threading.Thread(target=run)
    with isolate():
        thread.start()
        first.wait(10)
    assert sys.stdout is sys.stderr  # the other one is still at work
    second.set()
    thread.join()
    assert sys.stdout is before


def swallowing() -> None:
    for _ in range(2):
        with contextlib.suppress(BaseException):
            time.sleep(20)
    time.sleep(20)


def spinning() -> None:
    while True:
        pass


@pytest.mark.parametrize(
    "hang",
    [lambda: time.sleep(20), spinning, lambda: subprocess.run(["sleep", "20"], check=False), swallowing],
    ids=["sleeps", "spins", "waits for a process", "catches everything"],
)
def test_what_takes_too_long_is_interrupted(hang: Callable[[], object]) -> None:
    start = time.monotonic()
    with pytest.raises(IsolationError, match=r"took more than 0\.2 s"), isolate("acme", limit=0.2):
        hang()
    assert time.monotonic() - start < 5
    assert signal.getitimer(signal.ITIMER_REAL)[0] != pytest.approx(1.0, abs=0.3)  # no alarm of ours is left


def test_ctrl_c_does_afterwards_what_it_did() -> None:
    before = signal.getsignal(signal.SIGINT)
    with isolate("acme", limit=5):
        signal.signal(signal.SIGINT, lambda *_: None)
    assert signal.getsignal(signal.SIGINT) == before


def test_a_copy_of_the_process_does_not_go_on() -> None:
    for more in ("", "; 1 / 0"):
        code = (
            "import contextlib, os; from augalgebra.isolation import isolate\n"
            f"with contextlib.suppress(Exception), isolate():\n    os.fork(){more}\n"
            "print('answer')"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "answer\n"


def test_outside_the_main_thread_a_watchdog_interrupts() -> None:
    told: list[str] = []

    def run() -> None:
        try:
            with isolate("acme", limit=0.2):
                spinning()
        except IsolationError as error:
            told.append(str(error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10)
    assert [text.split(" (")[0] for text in told] == ["it took more than 0.2 s"]


def test_a_limit_within_a_limit_leaves_the_outer_one() -> None:
    def nested() -> None:
        with isolate("inner", limit=5):
            pass
        time.sleep(20)

    with pytest.raises(IsolationError, match=r"more than 0\.5 s"), isolate("outer", limit=0.5):
        nested()


def test_a_real_interrupt_stays_one() -> None:
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored, as in the background
    with pytest.raises(KeyboardInterrupt), isolate("acme"):
        signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, previous)


def test_an_interrupt_by_a_handler_of_signals_stays_one() -> None:
    def handler(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, handler)
    try:
        with pytest.raises(KeyboardInterrupt), isolate("acme"):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, previous)


def test_items_without_end_are_cut_off() -> None:
    assert take(range(MOST_ITEMS), "laws") == tuple(range(MOST_ITEMS))
    with pytest.raises(IsolationError, match="more than 10000 laws"):
        take(iter(int, 1), "laws")


@pytest.mark.parametrize("name", ["acme.id", "id"])
def test_the_name_of_the_identity_is_reserved(name: str) -> None:
    with pytest.raises(PluginError, match="id is reserved for the identity"):
        Augmentation(name, lambda x: x)


@pytest.mark.parametrize(("stated", "allowed"), [("2.5", 2.5), ("inf", 1e6), ("nan", 60), ("-1", 60), ("soon", 60)])
def test_the_limit_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, stated: str, allowed: float) -> None:
    monkeypatch.setenv("AUGALG_PLUGIN_SECONDS", stated)
    assert seconds_allowed() == allowed
    with isolate("acme", limit=seconds_allowed()):
        pass
