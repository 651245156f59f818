"""The files of a new plugin, from the templates beside this module."""

import importlib.util
import keyword
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

from augalgebra import AugalgebraError, PluginInfo, __version__

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
SUFFIX = ".txt"
"""Ending of template files, so that no tool takes them for what they are templates of."""


@dataclass(frozen=True)
class Names:
    """What a new plugin is called.

    Attributes:
        plugin: The entry point, and the namespace of its augmentations.
        module: What is imported.
        distribution: What is installed.
    """

    plugin: str
    module: str
    distribution: str


def names_of(name: str) -> Names:
    """The names that follow from the one given.

    Modules get a prefix: the plugin ``wave`` would otherwise be hidden by Python's own module of that name.

    Raises:
        AugalgebraError: It cannot be the name of a plugin; the message suggests one that can.
    """
    if not _NAME.fullmatch(name):
        better = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_").lstrip("0123456789_")
        hint = f", such as {better}" if better else ""
        raise AugalgebraError(
            f"{name!r} cannot be the name of a plugin: use small letters, digits, '-' and '_', a letter first{hint}"
        )
    bare = name.replace("-", "_").removeprefix("augalg_")
    if keyword.iskeyword(bare) or bare == "id":
        raise AugalgebraError(f"{name!r} cannot be the name of a plugin: {bare!r} means something else; try {bare}s")
    return Names(bare, f"augalg_{bare}", f"augalg-{bare.replace('_', '-')}")


def refuse_taken(names: Names, plugins: Mapping[str, PluginInfo], folder: Path) -> None:
    """Raise `AugalgebraError` if a plugin or module of this name is there already, other than from this folder."""
    spec = importlib.util.find_spec(names.module)
    place = None if spec is None else spec.origin
    if place is not None and Path(place).resolve().is_relative_to(folder.resolve()):
        return
    holder = plugins.get(names.plugin)
    if holder is not None:
        place = f"distribution {holder.distribution} {holder.version}" if holder.distribution else holder.source
    if place is not None:
        raise AugalgebraError(f"there is a plugin {names.plugin!r} already ({place}); choose another name")


def render(names: Names) -> dict[PurePosixPath, str]:
    """The files of the plugin: text by path."""
    words = {
        "plugin": names.plugin,
        "module": names.module,
        "distribution": names.distribution,
        "version": __version__,
    }
    templates = resources.files("augalg_cli") / "templates" / "plugin"
    return {
        _renamed(path, names): Template(file.read_text(encoding="utf-8")).substitute(words)
        for path, file in _walk(templates, PurePosixPath())
    }


def write(files: Mapping[PurePosixPath, str], folder: Path) -> None:
    """Write all files or none: a new folder appears complete, files of one that is there are replaced one by one.

    Raises:
        AugalgebraError: Something cannot be written.
    """
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}.part")
    try:
        for path, text in files.items():
            target = part / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        if not folder.exists():
            part.rename(folder)
        for path in files if part.exists() else ():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (part / path).replace(folder / path)
    except OSError as error:
        raise AugalgebraError(f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _walk(folder: Traversable, prefix: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _walk(item, prefix / item.name)
        elif item.name.endswith(SUFFIX):
            yield prefix / item.name.removesuffix(SUFFIX), item


def _renamed(path: PurePosixPath, names: Names) -> PurePosixPath:
    """Where the file of a template goes."""
    renamed = {"gitignore": ".gitignore", "tests/test_plugin.py": f"tests/test_{names.module}.py"}
    if path.parts[0] == "package":
        return PurePosixPath("src", names.module, *path.parts[1:])
    return PurePosixPath(renamed.get(str(path), str(path)))
