"""Documents as HTML: nothing in them is taken for markup, nothing is missing, nothing comes from elsewhere."""

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from augalgebra import AugalgebraError
from augalgebra.documents import (
    Cayley,
    ClaimRow,
    Document,
    HeatMap,
    Picture,
    Section,
    Slider,
    Table,
    Text,
    to_html,
    write_html,
)
from augalgebra.documents.layout import arrows, crossings, distances, layout
from augalgebra.documents.numerals import format_number
from augalgebra.documents.palette import STEPS, Scale, contrast, style

VOID = {"meta", "img", "br", "hr", "input", "link"}
KLEIN = ((0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0))
NASTY = "</script><img src=x onerror=alert(1)>&amp;\"'`"


class Page(HTMLParser):
    """Elements of a page with their attributes and texts; complains about what is not well nested."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag: str) -> str:
        return "".join(data for name, data in self.texts if name == tag)

    @property
    def words(self) -> str:
        return "".join(data for name, data in self.texts if name not in ("script", "style"))


def document(folder: Path) -> Document:
    Image.new("L", (3, 2), 128).save(folder / "p.png")
    blocks = (
        Text("Words like `flip_lr` are code."),
        Table(
            "Losses",
            ("word", "loss", "n"),
            (("flip_lr", 12.3456, 3), ("id", None, 10), ("canny", math.inf, 2)),
            faint=(1,),
        ),
        HeatMap("Gaps", ("a", "b"), ("x", "y"), ((1.25, None), (2.5, 3.75)), (("slide 1.2", ""), ("", "9")), "nats"),
        HeatMap("L(a)", ("1", "2"), ("1", "2"), ((0.123456789, -1.0), (0.0, 1.0)), diverging=True, numbers=False),
        HeatMap("L(b)", ("1",), ("1",), ((0.5,),), diverging=True, numbers=False),
        Picture(folder / "p.png", "Grey, by `hand`."),
        Slider(folder / "p.png", folder / "p.png", ("plain", "moved"), "A `flip`."),
        Cayley("Z2×Z2", ("id", "a", "b", "a * b"), KLEIN, (1, 2)),
    )
    verdicts = (
        ClaimRow("slide 8", "Sevens are stable.", "0.98 ± 0.01", True, "first"),
        ClaimRow("slide 9", "Twos drift.", "0.2", False, "nowhere"),
        ClaimRow("slide 16", "It emerges.", "not told", None),
    )
    sections = (Section("First <things>", "first", blocks), Section("Second", "second-2", (blocks[-1],)))
    return Document("A report & more", "Made by `augalg`.", sections, verdicts)


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return Page(to_html(document(tmp_path)))


@settings(max_examples=15)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_no_text_is_taken_for_markup(text: str) -> None:
    def made_of(text: str) -> Page:
        blocks = (
            Text(text),
            Table(text, (text, "n"), ((text, 1),)),
            HeatMap(text, (text,), (text,), ((1.0,),), ((text,),), text),
            Cayley(text, (text, text), ((0, 1), (1, 0)), (1,)),
        )
        section = Section(text, "s", blocks)
        return Page(to_html(Document(text, text, (section,), (ClaimRow(text, text, text, None, "s"),))))

    plain, given_one = made_of("a" * len(NASTY)), made_of(text + NASTY)
    tags = [tag for tag, _ in given_one.elements if tag != "code"]
    assert [tag for tag, _ in plain.elements] == tags
    assert not any(key.startswith("on") for _, attributes in given_one.elements for key in attributes)
    assert given_one.text("title").count("</script>") >= 1


def test_nothing_comes_from_elsewhere(page: Page, tmp_path: Path) -> None:
    for tag, attributes in page.elements:
        for key in ("src", "href", "action", "data", "poster", "srcset"):
            assert attributes.get(key, "#").startswith(("#", "data:image/png;base64,")), (tag, attributes)
        assert "style" not in attributes  # the policy allows none
    assert not re.search(r"url\(|@import|https?:|fetch|XMLHttp|import\(", page.text("style") + page.text("script"))
    assert "http" not in to_html(document(tmp_path)).replace("http-equiv", "")


def test_the_policy_allows_just_this_style_and_script(page: Page) -> None:
    (policy,) = (meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.text(kind).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_every_link_leads_somewhere_and_every_name_is_given_once(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in page.all("a")]
    assert {"#first", "#second-2"} <= set(links)
    assert {link[1:] for link in links} <= set(ids)
    assert "#nowhere" not in links


def test_headings_and_language(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert page.text("h2") == "ClaimsFirst <things>Second"
    assert all(image["alt"] for image in page.all("img"))
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))


def test_claims_come_first_with_their_counts(page: Page) -> None:
    assert [section["id"] for section in page.all("section")] == ["claims_", "first", "second-2"]
    assert "3 claims: 1 holds, 1 does not hold, 1 undecided" in page.words
    assert [row["data-verdict"] for row in page.all("tr") if "data-verdict" in row] == ["yes", "no", "undecided"]
    without = Page(to_html(Document("t", "a", ())))
    assert "Claims" not in without.words


def test_cells_hold_their_numbers(page: Page) -> None:
    exact = [cell["data-v"] for cell in page.all("td") if "data-v" in cell]
    assert exact == ["12.3456", "3", "10", "inf", "2", "1.25", "2.5", "3.75", "0.123456789", "-1", "0", "1", "0.5"]
    for text in ("12.346", "∞", "1.250", "slide 1.2", "0.123", "−1.000"):
        assert text in page.words
    heat = [cell["class"] for cell in page.all("td") if re.fullmatch(r"[hd]\d+|none", cell.get("class", ""))]
    assert heat == ["h0", "none", f"h{STEPS // 2}", f"h{STEPS}", "d13", "d0", "d12", "d24", "d24"]


def test_rows_that_do_not_count_are_faint(page: Page) -> None:
    (table, *_) = (n for n, (tag, attributes) in enumerate(page.elements) if attributes.get("class") == "sortable")
    rows = [attributes.get("class") for tag, attributes in page.elements[table:] if tag == "tr"]
    assert rows[:4] == [None, None, "faint", None]  # headings first
    assert ".faint" in page.text("style")


def test_small_heat_maps_stand_side_by_side(page: Page) -> None:
    assert [attributes for attributes in page.all("div") if attributes.get("class") == "beside"] == [
        {"class": "beside"}
    ]


def test_a_picture_is_in_the_file(page: Page, tmp_path: Path) -> None:
    image, *pair = page.all("img")
    assert base64.b64decode(image["src"].partition(",")[2]) == (tmp_path / "p.png").read_bytes()
    assert (image["width"], image["height"], image["alt"]) == ("3", "2", "Grey, by hand.")
    assert [other["alt"] for other in pair] == ["plain: A flip.", "moved: A flip."]


def test_a_pair_of_two_sizes_is_refused(tmp_path: Path) -> None:
    for name, size in (("a.png", (3, 2)), ("b.png", (2, 3))):
        Image.new("L", size).save(tmp_path / name)
    pair = Slider(tmp_path / "a.png", tmp_path / "b.png", ("a", "b"), "c")
    with pytest.raises(ValueError, match="differ in size"):
        to_html(Document("t", "a", (Section("s", "s", (pair,)),)))


@pytest.mark.parametrize("content", [None, b"GIF89a", b""])
def test_a_picture_that_is_none_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AugalgebraError, match=r"broken\.png"):
        to_html(Document("t", "a", (Section("s", "s", (Picture(path, "c"),)),)))


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ((Section("s", "S 1", ()),), "'S 1' is no anchor"),
        ((Section("s", "s", ()), Section("t", "s", ())), "2 sections have the anchor 's'"),
        ((Section("s", "s", (Table("losses", ("a",), ((1, 2),)),)),), "'losses'"),
        ((Section("s", "s", (HeatMap("gaps", ("a",), ("x", "y"), ((1.0,),)),)),), "'gaps'"),
        ((Section("s", "s", (HeatMap("gaps", ("a",), ("x",), ((1.0,),), ((),)),)),), "note"),
        ((Section("s", "s", (Cayley("D4", ("id",), ((0, 1),), ()),)),), "'D4' is not square"),
        ((Section("s", "s", (Cayley("D0", (), (), ()),)),), "'D0' is not square, or is empty"),
    ],
)
def test_what_does_not_fit_together_is_refused(sections: tuple[Section, ...], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        to_html(Document("t", "a", sections))


def test_it_is_written_in_one_step_and_the_same_each_time(tmp_path: Path) -> None:
    first = write_html(document(tmp_path), tmp_path / "deep" / "report.html")
    assert first.read_text(encoding="utf-8") == to_html(document(tmp_path))
    assert [file.name for file in first.parent.iterdir()] == ["report.html"]
    odd = Document("a name that is no text: \udcff", "", ())
    assert "no text: ?" in write_html(odd, tmp_path / "odd.html").read_text(encoding="utf-8")


def test_plain_data_can_be_written_as_json(tmp_path: Path) -> None:
    data = document(tmp_path).to_dict()
    text = json.dumps(data, allow_nan=False)
    assert json.loads(text) == data
    kinds = [block["kind"] for block in data["sections"][0]["blocks"]]
    assert kinds == ["text", "table", "heatmap", "heatmap", "heatmap", "picture", "slider", "cayley"]
    assert data["sections"][0]["blocks"][1]["rows"][2] == ["canny", None, 2]


def test_every_colour_can_be_read() -> None:
    rules = re.findall(r"\{background:(#\w{6});color:(#\w{6})\}", style())
    assert len(rules) == 4 * (STEPS + 1)
    assert min(contrast(paper, ink) for paper, ink in rules) >= 4.5
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_which_end_of_the_colours_is_good() -> None:
    numbers = [1.0, 2.0, 3.0]
    assert [Scale.of(numbers).name(number) for number in numbers] == ["h0", "h12", "h24"]
    assert [Scale.of(numbers, lower_is_better=False).name(number) for number in numbers] == ["h24", "h12", "h0"]
    assert [Scale.of([1, 10, 100]).name(number) for number in (1, 10, 100, math.inf)] == ["h0", "h12", "h24", "h24"]
    assert [Scale.of([-1, 4], diverging=True).name(number) for number in (-4, 0, 4)] == ["d0", "d12", "d24"]
    assert Scale.of([5, 5]).name(5) == "h0"
    assert Scale.of([0, 0], diverging=True).name(0) == "d12"
    assert Scale.of([math.nan]).name(math.nan) == ""


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1), st.booleans(), st.booleans())
def test_worse_numbers_never_have_lower_steps(numbers: list[float], diverging: bool, lower: bool) -> None:
    scale = Scale.of(numbers, diverging=diverging, lower_is_better=lower)
    steps = [int(scale.name(number)[1:]) for number in sorted(numbers)]
    assert steps == sorted(steps, reverse=not (diverging or lower))
    assert all(0 <= step <= STEPS for step in steps)


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [
        (-0.00001, 3, "−1e-05"),
        (-0.0, 2, "0.00"),
        (math.nan, 1, "not a number"),
        (-math.inf, 1, "−∞"),
        (1e9, 1, "1e+09"),
    ],
)
def test_numbers_are_shown(number: float, digits: int, text: str) -> None:
    assert format_number(number, digits) == text


def test_a_square_is_drawn_as_a_square() -> None:
    klein = Cayley("Z2×Z2", ("id", "a", "b", "a * b"), KLEIN, (1, 2))
    assert distances(klein).tolist() == [[0, 1, 1, 2], [1, 0, 2, 1], [1, 2, 0, 1], [2, 1, 1, 0]]
    points = layout(klein)
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    np.testing.assert_allclose(apart[[0, 0, 3, 3], [1, 2, 1, 2]], apart[0, 1], rtol=1e-3)
    np.testing.assert_allclose(apart[0, 3], math.sqrt(2) * apart[0, 1], rtol=1e-3)
    assert [(arrow.start, arrow.end, arrow.generator) for arrow in arrows(klein)] == [
        (0, 1, 0),
        (2, 3, 0),
        (0, 2, 1),
        (1, 3, 1),
    ]
    assert all(arrow.both and arrow.bend == 0 for arrow in arrows(klein))


def test_crossings_are_counted() -> None:
    square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    assert crossings(square, np.array([[0, 1], [1, 2], [2, 3], [3, 0]])) == 0
    assert crossings(square, np.array([[0, 2], [1, 3]])) == 1
    assert crossings(np.vstack([square, [[1.0, 0.0]]]), np.array([[0, 1], [2, 3]])) == 1  # the last lies on the first


def test_a_dihedral_group_is_drawn_without_crossings() -> None:
    turn, flip = (1, 2, 3, 0), (1, 0, 3, 2)
    members = [(0, 1, 2, 3)]
    for member in members:
        for generator in (turn, flip):
            after = tuple(generator[place] for place in member)
            if after not in members:
                members.append(after)
    table = tuple(tuple(members.index(tuple(b[place] for place in a)) for b in members) for a in members)
    d4 = Cayley("D4", tuple(map(str, members)), table, (members.index(turn), members.index(flip)))
    edges = np.array([[arrow.start, arrow.end] for arrow in arrows(d4)])
    assert len(edges) == 12
    assert crossings(layout(d4), edges) == 0


@given(st.integers(1, 12))
def test_elements_of_a_cycle_stay_apart(order: int) -> None:
    table = tuple(tuple((row + column) % order for column in range(order)) for row in range(order))
    cycle = Cayley(f"Z{order}", tuple(f"r^{k}" for k in range(order)), table, (1 % order,))
    points = layout(cycle)
    apart = np.linalg.norm(points[:, None] - points, axis=2) + 9 * np.eye(order)
    assert apart.min() > 0.5
    drawn = Page(to_html(Document("t", "a", (Section("s", "s", (cycle,)),))))
    assert len([arrow for arrow in drawn.all("path") if "data-from" in arrow]) == (1 if order == 2 else order)


def test_several_arrows_between_two_elements_are_told_apart() -> None:
    same = Cayley("Z2", ("id", "a"), ((0, 1), (1, 0)), (1, 1))
    assert len({arrow.bend for arrow in arrows(same)}) == 2
    absorbing = Cayley("a^2 = a", ("id", "a"), ((0, 1), (1, 1)), (1,))
    assert [(arrow.start, arrow.end, arrow.both) for arrow in arrows(absorbing)] == [(0, 1, False), (1, 1, False)]
