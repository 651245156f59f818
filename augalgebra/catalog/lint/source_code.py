"""What the source code of a plugin gives away without being run."""

import ast
import functools
import inspect
import random
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

HEAVY = frozenset(
    ("albumentations", "cv2", "jax", "kornia", "matplotlib", "scipy", "skimage", "sklearn", "tensorflow", "torch")
)
"""Packages that take long to import."""
SEEDS = frozenset(("seed", "generator", "rng", "random_state"))
"""Names of parameters that decide what is drawn."""
_TORCH = frozenset(
    ("bernoulli", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randn", "randn_like", "randperm")
)
_IN_PLACE = frozenset(
    ("bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_", "random_", "uniform_")
)
_DEPTH = 3  # calls within calls that are followed


def random_calls(function: Callable[..., Any]) -> tuple[str, ...]:
    """The calls in a function that draw from an unseeded or global random state, as written.

    Functions of the same module that it calls are followed. A function that takes a seed or a generator is believed
    to use it.
    """
    return tuple(dict.fromkeys(_random_calls(function, _DEPTH)))


def written_inputs(function: Callable[..., Any]) -> tuple[str, ...]:
    """The statements by which a function changes its first argument in place, as written."""
    read = _Source.of(function)
    if read is None or not read.tree.args.args:
        return ()
    first = next((argument.arg for argument in read.tree.args.args if argument.arg not in ("self", "cls")), "")
    assigned = {
        name.id
        for node in ast.walk(read.tree)
        for target in (node.targets if isinstance(node, ast.Assign) else ())
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }
    return () if first in assigned else tuple(_writes(read.tree, first))


def heavy_imports(module: object) -> tuple[str, ...]:
    """The packages of `HEAVY` that importing a module imports itself, at once."""
    if not isinstance(module, ModuleType):
        return ()
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return ()
    return tuple(dict.fromkeys(name for name in _imported(tree.body) if name in HEAVY))


@dataclass(frozen=True)
class _Source:
    """A function's source, with what its names stand for."""

    tree: ast.FunctionDef
    function: FunctionType
    names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "_Source | None":
        """The source of a plain function (or of what is inside a method, a partial, or a callable object)."""
        while isinstance(function, functools.partial):
            function = function.func
        if not isinstance(function, FunctionType):
            function = getattr(function, "__func__", type(function).__call__)
        function = inspect.unwrap(function)
        if not isinstance(function, FunctionType):
            return None
        try:
            module = ast.parse(textwrap.dedent(inspect.getsource(function)))
        except (OSError, TypeError, SyntaxError):  # nothing to read: made by exec, or a lambda within an expression
            return None
        if len(module.body) != 1 or not isinstance(module.body[0], ast.FunctionDef):
            return None
        tree = module.body[0]
        outer = inspect.getclosurevars(function)
        names = {name: _dotted(item) for name, item in {**outer.globals, **outer.nonlocals}.items()}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for item in node.names:
                    root = item.name.split(".")[0]
                    names[item.asname or root] = item.name if item.asname else root
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {item.asname or item.name: f"{node.module}.{item.name}" for item in node.names}
        return cls(tree, function, names)

    def full_name(self, node: ast.expr) -> str:
        """The dotted name that an expression stands for, or ""."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join((self.names.get(node.id, node.id if not parts else ""), *reversed(parts)))


def _dotted(item: object) -> str:
    """The full name of a module, function or class; "" of anything else."""
    if isinstance(item, ModuleType):
        return item.__name__
    module, name = getattr(item, "__module__", None), getattr(item, "__name__", None)
    if isinstance(getattr(item, "__self__", None), random.Random):  # from random import uniform
        module = "random"
    return f"{module}.{name}" if module and name else ""


def _random_calls(function: Callable[..., Any], depth: int) -> Iterator[str]:
    read = _Source.of(function)
    if read is None or SEEDS & set(inspect.signature(read.function).parameters):
        return
    for node in ast.walk(read.tree):
        if not isinstance(node, ast.Call):
            continue
        if _draws(read.full_name(node.func), node):
            yield ast.unparse(node)
        elif isinstance(node.func, ast.Name) and depth > 1:
            helper = read.function.__globals__.get(node.func.id)
            if isinstance(helper, FunctionType) and helper.__module__ == read.function.__module__:
                yield from _random_calls(helper, depth - 1)


def _draws(name: str, call: ast.Call) -> bool:
    """Whether a call draws from a random state that nobody seeded."""
    keywords = {keyword.arg for keyword in call.keywords}
    if isinstance(call.func, ast.Attribute) and call.func.attr in _IN_PLACE:
        return "generator" not in keywords
    package, _, last = name.rpartition(".")
    if package == "torch":
        return last in _TORCH and "generator" not in keywords
    if package == "random" or package in ("numpy.random", "np.random"):
        seeded = bool(call.args or keywords)  # random.Random(3), numpy.random.default_rng(seed)
        return not (seeded and (last == "default_rng" or last[:1].isupper()))
    return False


def _writes(tree: ast.FunctionDef, name: str) -> Iterator[str]:
    def is_it(node: ast.expr) -> bool:
        while isinstance(node, ast.Subscript):
            node = node.value
        return isinstance(node, ast.Name) and node.id == name

    for node in ast.walk(tree):
        targets: Iterable[ast.expr] = ()
        if isinstance(node, ast.AugAssign):
            targets = (node.target,)
        elif isinstance(node, ast.Assign):
            targets = (target for target in node.targets if isinstance(target, ast.Subscript))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            method = node.func.attr
            if method.endswith("_") and not method.startswith("_") and not method.endswith("__"):
                targets = (node.func.value,)
            if method == "requires_grad_":
                targets = ()
        if any(is_it(target) for target in targets):
            yield ast.unparse(node)


def _imported(body: Iterable[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (item.name.split(".")[0] for item in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Try):
            yield from _imported([*node.body, *node.orelse, *node.finalbody])
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
            yield from _imported([*node.body, *node.orelse])
