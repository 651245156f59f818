"""Numbers as they are shown and as scripts read them."""

import math


def format_number(number: float, digits: int) -> str:
    """A number with some digits behind the point; by powers of ten where that would be 0 or endless.

    Examples:
        >>> shown(1.23456, 2), shown(3, 2), shown(1e-9, 3), shown(-0.5, 1), shown(float("inf"), 1)
        ('1.23', '3', '1e-09', '−0.5', '∞')
    """
    if isinstance(number, bool):
        return "yes" if number else "no"
    if math.isnan(number):
        return "not a number"
    if math.isinf(number):
        text = "∞" if number > 0 else "-∞"
    elif isinstance(number, int):
        text = str(number)
    elif number != 0 and (abs(number) < 0.5 * 10**-digits or abs(number) >= 1e7):
        text = f"{number:.2g}"
    else:
        text = f"{number:.{digits}f}"
    # a true minus sign, which is as wide as a digit; an exponent keeps its hyphen
    return "−" + text[1:] if text.startswith("-") and text.strip("-0.") else text.removeprefix("-")


def exact(number: float) -> str:
    """A number for sorting and for whoever asks for all of it."""
    return format(float(number), ".12g")
