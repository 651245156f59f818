"""Plugins that end, print or hang: every command goes on, and a gate that did not run has not passed."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Augalg = Callable[..., Any]

HEAD = "import os, subprocess, sys\nimport augalgebra as aa\n"
FLIP = """
@aa.hookimpl
def augalg_register(register):
    @register("{name}", inverse="self")
    def flip(x):
        '''Mirror.'''
        {body}
        return x.flip(-1)
"""


def plant(folder: Path, source: str = "", *, body: str = "pass", name: str = "planted") -> dict[str, str]:
    """A plugin with an augmentation that mirrors, and a fault."""
    file = folder / f"{name}.py"
    file.write_text(HEAD + textwrap.dedent(source) + FLIP.format(name=f"{name}.flip", body=body))
    return {"AUGALG_PLUGINS": str(file)}


HOOK = "@aa.hookimpl\ndef augalg_laws():\n    {}\n"

FAILING = {
    "raises": ("class Panic(BaseException): ...\nraise Panic('the engine stopped')", "Panic: the engine stopped"),
    "exits": ("sys.exit(0)", "it called exit(0)"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "interrupts_in_hook": (HOOK.format("raise KeyboardInterrupt"), "KeyboardInterrupt"),
    "exits_in_hook": (HOOK.format("sys.exit(0)"), "it called exit(0)"),
    "hangs": ("import time; time.sleep(60)", "it took more than 3 s"),
    "spins": (HOOK.format("while True: pass"), "it took more than 3 s"),
    "endless_laws": (HOOK.format("while True: yield 'flip^2 = id'"), "it gives more than 10000 laws"),
    "changes_folder": ("os.chdir('/')", "it changed the current folder"),
    "changes_print": ("import builtins; builtins.print = None", "it changed Python's built-in functions"),
    "strict": ("import warnings; warnings.simplefilter('error')", "it changed warnings into errors"),
    "recursion": ("sys.setrecursionlimit(90)", "it changed the recursion limit"),
    "reserved": (
        FLIP.format(name="reserved.id", body="pass"),
        "reserved.id: the name id is reserved for the identity; call reserved.id something else",
    ),
}


def test_plugins_that_fail_are_listed_with_the_reason_and_harm_no_command(augalg: Augalg, tmp_path: Path) -> None:
    for name, (source, _) in FAILING.items():
        if name == "reserved":
            (tmp_path / f"{name}.py").write_text(HEAD + source)
        else:
            plant(tmp_path, source, name=name)
    plant(tmp_path, name="sound")
    env = {"AUGALG_PLUGINS": str(tmp_path), "AUGALG_PLUGIN_SECONDS": "3"}
    done = augalg("plugins", "list", "--json", env=env)
    assert done.returncode == 0, done.stderr
    info = {item["name"]: item for item in json.loads(done.stdout)["plugins"]}
    assert {name: info[name]["status"] for name in FAILING} == dict.fromkeys(FAILING, "failed")
    assert not {name: info[name]["reason"] for name, (_, why) in FAILING.items() if why not in info[name]["reason"]}
    assert info["sound"]["status"] == info["dihedral"]["status"] == "loaded"
    done = augalg("compose", "reserved.id^3", env=env)
    assert done.returncode == 2
    assert "plugin reserved failed: reserved.id: the name id is reserved for the identity" in done.stderr


def test_a_plugin_that_changes_torch_while_it_loads_is_refused(augalg: Augalg, tmp_path: Path) -> None:
    source = "import torch; torch.set_default_dtype(torch.float64); torch.set_grad_enabled(False); torch.manual_seed(3)"
    done = augalg("plugins", "info", "planted", "--json", env=plant(tmp_path, source))
    reason = json.loads(done.stdout)["reason"]
    assert reason == "it changed torch's default data type and whether torch records gradients, which was put back"


PRINTING = """
def speak():
    print("by print", flush=True)
    sys.__stdout__.write("by the first stream\\n")
    sys.__stdout__.flush()
    os.write(1, b"by descriptor\\n")
    ctypes.CDLL(None).write(1, b"by C\\n", 5)
    subprocess.run(["echo", "by a child"])
"""
SPOKEN = {"by print", "by the first stream", "by descriptor", "by C", "by a child"}


def test_what_is_written_reaches_no_answer(augalg: Augalg, tmp_path: Path) -> None:
    loading = f"""
    import atexit, ctypes, threading, time
    {textwrap.indent(PRINTING, "    ").strip()}
    def left_behind():
        for _ in range(200):
            print("by a thread\\n", end="")  # one write: lines of two threads stay whole
            time.sleep(0.01)
    speak()
    threading.Thread(target=left_behind, daemon=True).start()
    atexit.register(print, "at exit\\n", end="")
    """
    done = augalg("list", "--json", env=plant(tmp_path, loading))
    assert done.returncode == 0, done.stderr
    assert "planted.flip" in {item["name"] for item in json.loads(done.stdout)["augmentations"]}
    assert set(done.stderr.splitlines()) >= SPOKEN | {"by a thread", "at exit"}
    done = augalg("laws", "planted.flip", "--json", env=plant(tmp_path, f"import ctypes\n{PRINTING}", body="speak()"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"][0]["verdict"] == "holds"
    assert set(done.stderr.splitlines()) >= SPOKEN


def test_a_thread_that_never_ends_is_not_waited_for(augalg: Augalg, tmp_path: Path) -> None:
    source = "import threading, time\nthreading.Thread(target=time.sleep, args=(200,)).start()"
    start = time.monotonic()
    done = augalg("compose", "flip_lr^2", env=plant(tmp_path, source))
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "normal form  id")
    assert done.stderr == "threads of planted still run; they are not waited for\n"
    assert time.monotonic() - start < 150


def test_a_command_of_a_plugin_has_standard_output_to_itself(augalg: Augalg, tmp_path: Path) -> None:
    source = """
    @aa.hookimpl
    def augalg_commands(app):
        @app.command()
        def speak():
            print("one")
            sys.stdout.flush()
            subprocess.run(["echo", "two"])
            os.write(1, b"three\\n")

        @app.command()
        def interrupt():
            raise KeyboardInterrupt
    """
    env = plant(tmp_path, source)
    done = augalg("planted", "speak", env=env)
    assert (done.returncode, done.stdout) == (0, "one\ntwo\nthree\n"), done.stderr
    done = augalg("planted", "interrupt", env=env)
    assert (done.returncode, done.stderr) == (2, "error: plugin planted: interrupt failed: KeyboardInterrupt\n")


FAULTS: Mapping[str, tuple[str, str]] = {
    "exits": ("sys.exit(0)", "it called exit(0)"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "stops": ("raise BaseException('gone')", "BaseException: gone"),
    "in_place": ("x.mul_(0.5)", "changed the images it was given"),
    "seeds": ("import torch; torch.manual_seed(0)", "it changed the global random state of torch"),
    "grads": ("import torch; torch.set_grad_enabled(False)", "it changed whether torch records gradients"),
    "moves": ("os.chdir('/')", "it changed the current folder"),
    "divides": ("return x / 0", "returned pixels that are NaN or infinite"),
    "transfers": ("return x.to('meta')", "returned a batch on meta"),
}


def test_a_gate_that_did_not_run_has_not_passed(augalg: Augalg, tmp_path: Path) -> None:
    for name, (body, _) in FAULTS.items():
        plant(tmp_path, body=body, name=name)
    plant(tmp_path, name="sound")
    done = augalg("laws", *FAULTS, "sound", "--json", env={"AUGALG_PLUGINS": str(tmp_path)})
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["passed"], answer["violated"], answer["failed"]) == (1, False, 0, len(FAULTS))
    found = {item["augmentation"]: item for item in answer["results"]}
    assert found.pop("sound.flip")["verdict"] == "holds"
    for name, (_, reason) in FAULTS.items():
        result = found[f"{name}.flip"]
        assert (result["verdict"], result["failed"]) == ("not checked", True)
        assert result["reason"].startswith(f"{name}.flip (plugin {name}) ")
        assert reason in result["reason"]


def test_the_other_gates_say_no_as_well(augalg: Augalg, tmp_path: Path) -> None:
    env = plant(tmp_path, body="sys.exit(0)")
    text = augalg("laws", "planted.flip", env=env)
    assert text.returncode == 1
    assert "1 law: 1 not checked; 1 could not be checked, which is no pass" in text.stdout
    checked = augalg("plugins", "check", "planted.py", "--json", "--only", "returns", "--only", "laws")
    assert (checked.returncode, json.loads(checked.stdout)["conforms"]) == (1, False)
    registered = augalg("register", "planted.py", "--json")
    assert registered.returncode == 1, registered.stderr
    assert "exit(0)" in json.loads(registered.stdout)["refused"][0]
    assert not (tmp_path / "augalg.toml").exists()
    for command in (["equal", "planted.flip", "flip_ud"], ["discover", "planted.flip"]):
        done = augalg(*command, "--json", env=env)
        assert done.returncode in (1, 2), done.stdout
        assert "exit(0)" in done.stdout + done.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_ctrl_c_while_a_plugin_works_interrupts_the_command(tmp_path: Path) -> None:
    env = os.environ | plant(tmp_path, "sys.stderr.write('ready\\n'); import time; time.sleep(60)")
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # it may be ignored here
        "sys.argv = ['augalg', 'list']; from augalg_cli.app import main; main()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=-1, stderr=-1, text=True) as started:
        assert started.stderr is not None
        assert started.stderr.readline() == "ready\n"
        time.sleep(0.1)
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=30)
    assert (started.returncode, out) == (130, ""), err
