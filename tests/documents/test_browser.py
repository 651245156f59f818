"""Reports in a real browser: no errors, everything that can be tapped works, and a phone is wide enough."""

import html
import json
import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from augalgebra.documents import Cayley, ClaimRow, Document, HeatMap, Picture, Section, Table, Text, page, write_html

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE = 360

pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here (Debian: apt install chromium)")

# The narrowest window of a headless Chromium is 500 pixels, so a frame is the phone. What it says is put into the page.
FRAME = f"""<!doctype html><body><iframe width="{PHONE}" height="800" src="report.html"></iframe><script>
addEventListener("message", (event) => {{
  const said = document.createElement("pre");
  said.textContent = JSON.stringify(event.data);
  document.body.append(said);
}});
</script>"""

PROBE = """
(async () => {
  const one = (selector) => document.querySelector(selector);
  const every = (selector) => [...document.querySelectorAll(selector)];
  const texts = (selector) => every(selector).map((element) => element.textContent);
  const said = {};
  try {
    said.wide = document.documentElement.scrollWidth;
    said.inner = innerWidth;
    said.boxes = every(".scroll").filter((box) => box.scrollWidth > box.clientWidth).length;

    const column = () => texts("#numbers .sortable tbody td:nth-child(2)");
    one("#numbers .sortable th:nth-child(2) button").click();
    said.up = column();
    one("#numbers .sortable th:nth-child(2) button").click();
    said.down = column();
    const shown = () => every("#long tbody tr").filter((row) => row.offsetParent).length;
    said.folded = shown();
    one("#long .more").click();
    said.unfolded = shown();

    every(".filters button")[2].click();
    said.claims = every(".claims tbody tr").filter((row) => row.offsetParent).map((row) => row.dataset.verdict);

    const cells = every("#maps .heat tbody td");
    cells[1].click();
    said.tapped = texts("#maps .readout")[0];
    cells[1].dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    said.moved = texts("#maps .readout")[0];

    one(".zoom").click();
    said.enlarged = one("dialog").open;
    one("dialog button").click();
    await new Promise((done) => setTimeout(done, 50));
    said.closed = one("dialog") === null;

    every(".keys button")[0].click();
    every(".keys button")[1].click();
    said.walked = texts(".walk output")[0];
    said.arrows = every(".arrow.on").length;
    every(".letters button")[0].click();
    said.back = texts(".walk output")[0];
    every(".node")[2].dispatchEvent(new MouseEvent("click", { bubbles: true }));
    await new Promise((done) => setTimeout(done, 3000));
    said.travelled = texts(".walk output")[0];
    one(".products tbody tr:nth-child(2) td:nth-child(4) button").click();
    said.product = texts(".cayley .readout")[0];
  } catch (error) {
    said.error = String(error);
  }
  parent.postMessage(said, "*");
})();
"""


def document(folder: Path) -> Document:
    Image.new("L", (900, 40), 128).save(folder / "p.png")
    long_name = "a_name_without_any_space_that_is_longer_than_a_phone_is_wide_(45) * flip_lr"
    rows = tuple((f"{long_name}^{number}", "from here", 1.5 * number, "and some more text") for number in range(30))
    losses = (("a", 9.5), ("b", 10.25), ("c", None), ("d", math.inf), ("e", -3.0), ("f", "none"))
    words = tuple(f"word {number}" for number in range(14))
    heat = HeatMap("Gaps", words, words, tuple(tuple(i + j / 100 for j in range(14)) for i in range(14)), unit="nats")
    matrix = HeatMap("L", words, words, heat.values, diverging=True, numbers=False)
    r = tuple(tuple((i + j) % 4 for j in range(4)) for i in range(4))
    cycle = Cayley("Z4", ("id", "r", "r^2", "r^3"), r, (1, 3))
    sections = (
        Section("Numbers", "numbers", (Text(f"`{long_name}`"), Table("Losses", ("word", "loss"), losses))),
        Section("Many rows", "long", (Table(long_name, ("word", "from", "loss", "text"), rows),)),
        Section("Maps", "maps", (heat, matrix, matrix)),
        Section("Pictures", "pictures", (Picture(folder / "p.png", long_name),)),
        Section("Groups", "groups", (cycle,)),
    )
    verdicts = tuple(ClaimRow("slide 1", long_name, long_name, holds, "maps") for holds in (True, False, False, None))
    return Document(long_name, long_name, sections, verdicts)


def browse(folder: Path, file: str) -> tuple[str, list[str]]:
    """The page after it has run, and what it wrote to the console, errors of the browser included."""
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--dump-dom"]
    arguments += [
        "--enable-logging=stderr",
        "--v=0",
        "--virtual-time-budget=8000",
        f"--user-data-dir={folder / 'profile'}",
    ]
    assert BROWSER is not None
    done = subprocess.run(
        [BROWSER, *arguments, (folder / file).as_uri()], capture_output=True, text=True, check=False, timeout=120
    )
    assert "</html>" in done.stdout, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if re.search(r"\bCONSOLE\b", line)]


def test_nothing_goes_wrong_in_the_browser(tmp_path: Path) -> None:
    write_html(document(tmp_path), tmp_path / "report.html")
    seen, console = browse(tmp_path, "report.html")
    assert console == []
    assert '<html lang="en" class="js">' in seen
    assert re.search(r"<details>\s*<summary>Contents|<details open=\"\">\s*<summary>Contents", seen)


@pytest.mark.parametrize("fault", ["script", "policy"])
def test_that_a_fault_would_be_seen(tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "script":
        plant(monkeypatch, "nothing_of_this_name();")
    path = write_html(Document("t", "a", ()), tmp_path / "report.html")
    if fault == "policy":
        path.write_text(path.read_text(encoding="utf-8").replace("<h1>", '<h1 style="color:red">'), encoding="utf-8")
    _, console = browse(tmp_path, "report.html")
    assert any(("nothing_of_this_name" if fault == "script" else "style") in line for line in console)


def test_everything_that_can_be_tapped_works_on_a_phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, PROBE)
    write_html(document(tmp_path), tmp_path / "report.html")
    (tmp_path / "frame.html").write_text(FRAME, encoding="utf-8")
    seen, console = browse(tmp_path, "frame.html")
    assert console == []
    found = re.search(r"<pre>(.*?)</pre>", seen, re.DOTALL)
    assert found, seen[:2000]
    said: dict[str, Any] = json.loads(html.unescape(found[1]))
    assert "error" not in said, said["error"]
    assert said["inner"] == PHONE
    assert said["wide"] <= PHONE
    assert said["boxes"] >= 3
    assert said["up"] == ["−3.000", "9.500", "10.250", "∞", "none", ""]
    assert said["down"] == ["∞", "10.250", "9.500", "−3.000", "none", ""]
    assert (said["folded"], said["unfolded"]) == (12, 30)
    assert said["claims"] == ["no", "no"]
    assert said["tapped"] == "word 0 | word 1: 0.01 nats"
    assert said["moved"] == "word 1 | word 1: 1.01 nats"
    assert (said["enlarged"], said["closed"]) == (True, True)
    assert said["walked"] == "r * r^3 = id, element 0"
    assert said["arrows"] == 2
    assert said["back"] == "r, element 1"
    assert said["travelled"] == "r * r = r^2, element 2"
    assert said["product"] == "r * r^2 = r^3"


def plant(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let the script of every page go on with further code, which its policy then allows."""
    read = page._package_file
    monkeypatch.setattr(page, "_package_file", lambda name: read(name) + (code if name.endswith(".js") else ""))
