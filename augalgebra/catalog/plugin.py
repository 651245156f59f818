"""One plugin: where it comes from, and what became of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

FIRST_PARTY = "augalgebra"
"""The distribution of the plugins that come with the library, whose tests check every law that they declare."""


@dataclass(frozen=True)
class PluginInfo:
    """What became of one plugin.

    Attributes:
        name: The entry point's name, or the file's name without ``.py``.
        status: ``loaded``, ``failed`` (see `reason`) or ``disabled``.
        distribution: The installed distribution, or "" for a file.
        version: The distribution's version, or a digest of the file; "" if neither is known.
        source: Module, or path of the file.
        reason: Why it failed, in one line.
        detail: The traceback, for its author.
        augmentations: Full names of what it registered.
        hooks: The hooks it implements.
        seconds: Time it took to import and register.
        registered: Name of the workspace's registration that it belongs to, or "".
        changed: How it differs from what was registered, in one line; "" if it does not.
        spent: The parts of that time in seconds: ``import``, and each hook that was asked.
        contract: The version of the plugin contract it states, if it states one.
    """

    name: str
    status: Literal["loaded", "failed", "disabled"]
    distribution: str = ""
    version: str = ""
    source: str = ""
    reason: str = ""
    detail: str = ""
    augmentations: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    seconds: float = 0.0
    registered: str = ""
    changed: str = ""
    spent: Mapping[str, float] = field(default_factory=dict, compare=False)
    contract: int | None = None


@dataclass(frozen=True)
class PluginSource:
    """A plugin that is still to be loaded.

    Attributes:
        name: The plugin's name, and the namespace of what it registers under a bare name.
        load: Imports it; whatever it raises becomes the reason of the failure.
        distribution: The distribution it belongs to, or "".
        version: Its version, or a digest of the file; "" if neither is known.
        source: Module, or path of the file.
    """

    name: str
    load: Callable[[], object]
    distribution: str = ""
    version: str = ""
    source: str = ""
