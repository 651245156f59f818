"""A document as one HTML file that needs no network."""

import base64
import hashlib
import re
from collections import Counter
from functools import cache
from importlib.resources import files
from pathlib import Path
from xml.etree.ElementTree import Element

from augalgebra.documents.blocks import render_block
from augalgebra.documents.cayley import heads
from augalgebra.documents.document import HOLDS, ClaimRow, Document, Section
from augalgebra.documents.elements import prose, tag, to_text
from augalgebra.documents.palette import style
from augalgebra.storage.files import write_atomically

_ANCHOR = re.compile("[a-z0-9-]+")
# ids of our own have an underscore, which anchors of sections cannot have
_CLAIMS, _CONTENTS, _MAIN = "claims_", "contents_", "main_"
_SIGNS = {True: ("hold", "✓"), False: ("do not hold", "✗"), None: (HOLDS[None], "?")}
"""How several are said to be so, and the sign of it."""
_KEYS = {True: "yes", False: "no", None: "undecided"}


def write_html(document: Document, path: Path) -> Path:
    """Write a document as one HTML file, in one step; missing folders are made.

    Args:
        document: What to show.
        path: The file.

    Returns:
        The path.

    Raises:
        AugalgebraError: A picture cannot be read, or the file cannot be written.
        ValueError: As for `to_html`.
    """
    # a file name may hold bytes that are no text
    write_atomically(path, to_html(document).encode("utf-8", "replace"))
    return path


def to_html(document: Document) -> str:
    """A document as one HTML file: styles, script and pictures are in it, and nothing is loaded from elsewhere.

    It reads well without a script too; with it, tables are sorted, claims filtered, pictures enlarged and groups walked
    through.

    Args:
        document: What to show. A claim whose section is not there is shown without a link.

    Raises:
        AugalgebraError: A picture cannot be read.
        ValueError: An anchor is malformed or used twice, or a block's rows do not fit together.
    """
    anchors = Counter(section.anchor for section in document.sections)
    for anchor, times in anchors.items():
        if not _ANCHOR.fullmatch(anchor):
            raise ValueError(f"{anchor!r} is no anchor; use small letters, digits and hyphens")
        if times > 1:
            raise ValueError(f"{times} sections have the anchor {anchor!r}; it must be different for each")
    styles, script = _styles(), _package_file("report.js")
    main = tag(
        "main",
        tag("header", tag("h1", document.title), tag("p", prose(document.about), class_="about")),
        _claims(document.claims, frozenset(anchors)) if document.claims else None,
        (_section(section) for section in document.sections),
        id=_MAIN,
    )
    page = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", **{"http-equiv": "Content-Security-Policy"}, content=_policy(styles, script)),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("title", document.title),
            tag("style", styles),
        ),
        tag(
            "body",
            tag("a", "Skip to the content", href=f"#{_MAIN}", class_="skip"),
            heads(),
            tag("div", _contents(document), main, class_="page"),
            tag("script", script),
        ),
        lang="en",
    )
    return f"<!doctype html>\n{to_text(page)}\n"


def _contents(document: Document) -> Element:
    entries = [(section.anchor, section.title) for section in document.sections]
    if document.claims:
        entries.insert(0, (_CLAIMS, "Claims"))
    items = (tag("li", tag("a", title, href=f"#{anchor}")) for anchor, title in entries)
    # open where no script closes it on small screens
    inner = tag("details", tag("summary", "Contents"), tag("ol", items), open="")
    return tag("nav", inner, id=_CONTENTS, aria_label="Contents")


def _claims(claims: tuple[ClaimRow, ...], anchors: frozenset[str]) -> Element:
    counts = Counter(claim.holds for claim in claims)
    parts = [
        f"{counts[holds]} {HOLDS[holds] if counts[holds] == 1 else more}"
        for holds, (more, _) in _SIGNS.items()
        if counts[holds]
    ]
    bars, start = [], 0
    for holds in _SIGNS:
        bars.append(tag("rect", x=start, width=counts[holds], height=1, class_=_KEYS[holds]))
        start += counts[holds]
    tally = tag("svg", bars, viewBox=f"0 0 {start} 1", preserveAspectRatio="none", class_="tally", aria_hidden="true")
    head = tag("tr", (tag("th", name, scope="col") for name in ("Source", "Claim", "Measured", "Verdict")))
    table = tag(
        "table",
        tag("caption", f"{len(claims)} claim{'s' if len(claims) > 1 else ''}: {', '.join(parts)}"),
        tag("thead", head),
        tag("tbody", (_claim(claim, anchors) for claim in claims)),
        class_="claims",
    )
    return tag("section", tag("h2", "Claims"), tally, table, id=_CLAIMS)


def _claim(claim: ClaimRow, anchors: frozenset[str]) -> Element:
    key = _KEYS[claim.holds]
    sign = tag("b", _SIGNS[claim.holds][1], aria_hidden="true")
    chip = tag("span", sign, f" {HOLDS[claim.holds]}", class_=f"chip {key}")
    link = None
    if claim.section in anchors:
        link = tag("a", "see", href=f"#{claim.section}", aria_label=f"see where this is shown: {claim.text}")
    return tag(
        "tr",
        tag("td", claim.source, class_="source"),
        tag("td", prose(claim.text)),
        tag("td", prose(claim.measured), class_="measured"),
        tag("td", chip, " ", link),
        data_verdict=key,
    )


def _section(section: Section) -> Element:
    return tag("section", tag("h2", section.title), render_block(section.blocks), id=section.anchor)


def _policy(styles: str, script: str) -> str:
    """Only this very style and script may be used, and pictures that are in the file."""
    allowed = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in (styles, script)
    ]
    return (
        f"default-src 'none'; style-src {allowed[0]}; script-src {allowed[1]}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _styles() -> str:
    return _package_file("report.css") + style()


def _package_file(name: str) -> str:
    return files("augalgebra.documents").joinpath(name).read_text(encoding="utf-8")
