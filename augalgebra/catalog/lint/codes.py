"""What can be wrong with a plugin, by number: the table behind the lint, ``augalg explain`` and its page."""

from dataclasses import dataclass
from typing import Literal

from augalgebra.errors import UnknownNameError

Severity = Literal["error", "warning", "note"]
"""``error``: it cannot be right; ``warning``: hardly what was meant; ``note``: fine, but worth knowing."""


@dataclass(frozen=True)
class Code:
    """One kind of finding.

    Attributes:
        code: Its number, which keeps its meaning for ever.
        severity: How bad it is.
        title: What it is, in a few words.
        meaning: What it means and why it matters.
        example: Lines of a plugin that have it.
        mend: How to mend it, in one line.
    """

    code: str
    severity: Severity
    title: str
    meaning: str
    example: str
    mend: str


def _table(*codes: Code) -> dict[str, Code]:
    return {item.code: item for item in codes}


CODES = _table(
    Code(
        "AUG001",
        "error",
        "the plugin did not load",
        "Importing the plugin or calling its hooks failed, so that nothing of it is there. Other plugins are not "
        "affected.",
        "import a_package_that_is_not_installed",
        "see to what the message names; 'augalg plugins info NAME --traceback' shows where it happened",
    ),
    Code(
        "AUG101",
        "error",
        "proved to be the identity",
        "Together the declared laws prove that the augmentation does nothing. Each may look harmless: what is both "
        "idempotent and invertible is the identity, and so is what has two periods without a common divisor. One of "
        "the laws that the message names must be false.",
        '@register("acme.wave", idempotent=True, inverse="self")',
        'drop the law that is not true; if it really does nothing, say equals="id"',
    ),
    Code(
        "AUG102",
        "error",
        "the period is not the least",
        "A period is the least number of applications that restores the image, and the other laws prove that fewer "
        "do. Either a law is false, or the period is declared too large.",
        '@register("acme.turn", period=4, inverse="self")',
        "declare the period that the message names, or drop the law that is not true",
    ),
    Code(
        "AUG103",
        "error",
        "declared without an inverse, but the laws give one",
        'With inverse="none" different images have one result, so that nothing can tell them apart again. The other '
        "laws prove that some word undoes the augmentation. Both cannot be.",
        '@register("acme.edges", inverse="none", period=2)',
        'drop inverse="none", or the laws that the message names',
    ),
    Code(
        "AUG104",
        "error",
        "inverses are not mutual",
        "One augmentation calls a second its inverse, which calls a third one its own, and nothing says that the "
        "first and third are equal. A two-sided inverse is unique, so one of the declarations is false.",
        '@register("acme.left", inverse="acme.right")\n@register("acme.right", inverse="acme.up")',
        'make both name each other, use inverse_kind="left" or "right", or declare the two equal',
    ),
    Code(
        "AUG105",
        "warning",
        "proved equal to another augmentation",
        "The laws prove that two augmentations of different names are one and the same, and no law says so outright. "
        "Mostly one of the laws is false: a slip in a name is enough.",
        '@register("acme.a", inverse="acme.c")\n@register("acme.b", inverse="acme.c")',
        'drop the law that is not true; if they are the same, say so with equals="…"',
    ),
    Code(
        "AUG106",
        "error",
        "declared different, but proved equal",
        "A law with ≠ (or idempotent=False) says that two words differ on some image. The other laws prove that they "
        "are equal.",
        '@register("acme.fill", idempotent=False, laws=["acme.fill * acme.fill = acme.fill"])',
        "drop one of the two",
    ),
    Code(
        "AUG107",
        "note",
        "follows from the other laws",
        "The law need not be declared, because the other laws prove it. That is fine: it is checked on images all the "
        "same, and says aloud what would have to be worked out.",
        '@register("acme.flip", inverse="self", laws=["acme.flip^4 = id"])',
        "nothing needs to be done; leave it out if you like",
    ),
    Code(
        "AUG108",
        "warning",
        "a law that says nothing",
        "Both sides are the same word, so that the law holds of everything. Commuting with oneself is the usual case.",
        '@register("acme.flip", commutes_with=["acme.flip"])',
        "drop it, or name what was meant",
    ),
    Code(
        "AUG201",
        "error",
        "a law names something unknown",
        "A law names an augmentation that is not registered, in a namespace that is. The law is left out, so that it "
        "is neither checked nor reasoned with.",
        '@register("acme.negate", commutes_with=["flip_rl"])',
        "write the name as 'augalg list' has it",
    ),
    Code(
        "AUG202",
        "error",
        "a law that cannot be understood",
        "A law gives an augmentation parameters that it does not take or that lie out of range, or uses a short name "
        "that several augmentations share. The law is left out.",
        '@register("acme.turn", laws=["acme.turn(1, 2, 3) = id"])',
        "write parameters as 'augalg list' shows them, and full names where short ones are shared",
    ),
    Code(
        "AUG203",
        "warning",
        "no namespace",
        "The augmentation was registered under a bare name by a plugin that is a plain file, so that the file's name "
        "becomes its namespace. Renaming the file then renames the augmentation, and operators that were learned for "
        "it are no longer found.",
        '@register("negate")        # in my_plugin.py: becomes my_plugin.negate',
        'write the namespace out: @register("acme.negate")',
    ),
    Code(
        "AUG204",
        "warning",
        "in the namespace of another plugin",
        "The augmentation's full name starts with the name of another plugin. Should that plugin use the name some "
        "day, one of the two stops loading.",
        '@register("dihedral.negate")        # in the plugin acme',
        "choose a namespace of your own",
    ),
    Code(
        "AUG205",
        "note",
        "a shared short name",
        "Another augmentation has the same last part of its name, so that everybody has to write the full names of "
        "both.",
        '@register("acme.flip_lr")',
        "nothing needs to be done; another name would be shorter to write",
    ),
    Code(
        "AUG206",
        "note",
        "a law about what is not installed",
        "A law names an augmentation of a plugin that is not here. It is left out, and comes into force once that "
        "plugin is installed.",
        'return ["acme.negate * other.flip = other.flip * acme.negate"]',
        "nothing needs to be done, unless the name is misspelt",
    ),
    Code(
        "AUG301",
        "warning",
        "random without a declared parameter",
        "The function draws random numbers that no parameter decides. The same word then gives different images each "
        "time: no law can be checked, and no operator can be learned.",
        '@register("acme.noise")\ndef noise(x):\n    return x + 0.1 * torch.randn_like(x)',
        "take the randomness in as a parameter: "
        'params=[aa.Param("seed", draw=aa.integers(0, 2**31))], and seed a generator with it',
    ),
    Code(
        "AUG302",
        "note",
        "a parameter without range",
        "Nothing says which values make sense. Laws about all values are then tried at values of the library's choice, "
        "and users get no clear answer to an impossible one.",
        '@register("acme.fade")\ndef fade(x, amount):',
        'state it: params=[aa.Param("amount", low=0, high=1)]',
    ),
    Code(
        "AUG303",
        "error",
        "a default or distribution out of range",
        "The range of a parameter is empty, or its default or the values it is drawn from lie outside, or are no whole "
        "numbers although it takes nothing else.",
        'params=[aa.Param("amount", low=0, high=1, draw=aa.uniform(0.5, 2))]',
        "widen the range, or narrow what is drawn",
    ),
    Code(
        "AUG304",
        "warning",
        "writes to its input",
        "The function changes the batch that it was given, so that whoever applied it loses the original. What is "
        "computed afterwards from those images is wrong without a word.",
        '@register("acme.negate")\ndef negate(x):\n    x *= -1\n    return x + 1',
        "return a new batch, or start with x = x.clone()",
    ),
    Code(
        "AUG305",
        "warning",
        "a heavy import at module level",
        "Importing the plugin imports a package that takes long to import, so that every command waits for it, even "
        "'augalg --help'.",
        "import torch        # at the top of the plugin",
        "import it inside the functions that use it, and under TYPE_CHECKING for annotations",
    ),
    Code(
        "AUG401",
        "note",
        "no law",
        "Nothing is declared about the augmentation, so that nothing can be checked or reasoned. It can still be "
        "applied, and an operator can be learned for it.",
        '@register("acme.wave")',
        "'augalg register' proposes laws that hold on images",
    ),
    Code(
        "AUG402",
        "note",
        "no docstring",
        "The first line of the function's docstring is what 'augalg list' shows. There is none.",
        "def negate(x):\n    return 1 - x",
        "say in one line what it does",
    ),
)
"""Every code, by number."""


def code_of(text: str) -> Code:
    """The entry of a code, however it is written: ``AUG101``, ``aug101`` or ``101``.

    Raises:
        UnknownNameError: There is none; the message suggests the nearest.
    """
    name = text.strip().upper()
    found = CODES.get(name) or CODES.get(f"AUG{name}")
    if found is None:
        raise UnknownNameError("code", text, CODES, "('augalg explain' lists all)")
    return found
