"""The presentations that completion is measured on."""

NAMED = [
    "lr^2 = id",
    "ud^2 = id",
    "cw^4 = id",
    "cw * ccw = id",
    "ccw * cw = id",
    "half = cw^2",
    "half = lr * ud",
    "transpose = cw * lr",
    "anti = cw * ud",
    "lr * cw * lr = ccw",
]
FAMILY = [
    "turn(a) * turn(b) = turn(a + b)",
    "turn(0) = id",
    "turn(a) = turn(a + 360)",
    "turn(90) = cw",
    "lr * turn(a) * lr = turn(-a)",
]


def involutions(count: int) -> list[str]:
    """Involutions that all commute."""
    squares = [f"x{i}^2 = id" for i in range(count)]
    return squares + [f"x{i} * x{j} = x{j} * x{i}" for i in range(count) for j in range(i)]


def coxeter(rank: int) -> list[str]:
    """The symmetric group of degree `rank + 1` by neighbouring transpositions."""
    squares = [f"x{i}^2 = id" for i in range(rank)]
    braids = [f"x{i} * x{i + 1} * x{i} = x{i + 1} * x{i} * x{i + 1}" for i in range(rank - 1)]
    return squares + braids + [f"x{i} * x{j} = x{j} * x{i}" for i in range(rank) for j in range(i - 1)]


def dihedral(order: int) -> list[str]:
    """The symmetries of a regular polygon, by a reflection and a turn."""
    return ["s^2 = id", f"r^{order} = id", "s * r * s = r^-1"]


GROUPS = {
    "D3, 2 generators": dihedral(3),
    "D4, 2 generators": dihedral(4),
    "D6, 2 generators": dihedral(6),
    "D12, 2 generators": dihedral(12),
    "2 commuting involutions": involutions(2),
    "3 commuting involutions": involutions(3),
    "4 commuting involutions": involutions(4),
    "S3, 2 generators": coxeter(2),
    "S4, 3 generators": coxeter(3),
    "Z12, 1 generator": ["r^12 = id"],
}
"""Ten on which every program ends."""

LARGER = {
    "D4, 7 names": NAMED,
    "10 commuting involutions": involutions(10),
    "S6, 5 generators": coxeter(5),
    "icosahedral, 2 generators": ["a^2 = id", "b^3 = id", "(a * b)^5 = id"],
}
"""On these sympy does not end within minutes."""

OURS = {
    "D4, 7 names, and rotations": NAMED + FAMILY,
    "canny between cosets of D4": [*NAMED, "canny^2 = canny", "canny * transpose = transpose * canny"],
}
"""What only ours says, or what has no end elsewhere."""
