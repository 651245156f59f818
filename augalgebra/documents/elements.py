"""HTML as a tree of elements, so that whatever is text is escaped and everything is well nested."""

import re
from collections.abc import Iterable
from typing import TypeAlias
from xml.etree.ElementTree import Element, tostring

Child: TypeAlias = Element | str | None

_CODE = re.compile("`([^`]+)`")


def tag(name: str, /, *children: Child | Iterable[Child], **attributes: str | float | None) -> Element:
    """An element.

    Args:
        name: Its name.
        children: Text, elements, or several of them; None is left out.
        attributes: ``class_`` stands for ``class`` and ``data_x`` for ``data-x``; None is left out.

    Examples:
        >>> to_text(tag("p", "a < b ", tag("em", "c"), class_="note"))
        '<p class="note">a &lt; b <em>c</em></p>'
    """
    given = {key.rstrip("_").replace("_", "-"): str(value) for key, value in attributes.items() if value is not None}
    element = Element(name, given)
    for child in children:
        for part in [child] if child is None or isinstance(child, str | Element) else child:
            _add(element, part)
    return element


def prose(text: str) -> list[Child]:
    """Text with the words between backticks as code."""
    # split by a pattern with one group: texts and what the group caught take turns
    return [tag("code", part) if index % 2 else part for index, part in enumerate(_CODE.split(text))]


def to_text(element: Element) -> str:
    """The element as HTML."""
    return tostring(element, encoding="unicode", method="html")


def _add(element: Element, child: Child) -> None:
    if child is None:
        return
    if isinstance(child, Element):
        element.append(child)
    elif len(element):
        element[-1].tail = (element[-1].tail or "") + child
    else:
        element.text = (element.text or "") + child
