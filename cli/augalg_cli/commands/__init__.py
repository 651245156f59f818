"""The commands: how they are listed, in this order, and where each is defined.

The module of a command is imported only when it is called or its own help is asked for; so the first paragraph of its
help stands here as well.
"""

COMMANDS = {
    "Start here": {
        "demo": ("demo", "Run the whole story on embedded digits: laws, three stages, composition, transfer."),
    },
    "Catalog": {
        "list": ("catalog", "Show every augmentation with its laws."),
        "register": (
            "registration",
            "Admit a plugin or transform to this workspace: linted, its laws checked, further laws proposed.",
        ),
        "unregister": (
            "registration",
            "Take something out of this workspace again; files and installed distributions stay where they are.",
        ),
        "explain": (
            "lint",
            "Explain a finding of 'augalg plugins lint': what it means, an example, and how to mend it.",
        ),
    },
    "Laws": {
        "laws": (
            "laws",
            "Check declared laws on images; exit code 1 if one is violated, an augmentation fails, or none is checked.",
        ),
        "discover": ("laws", "Apply augmentations until nothing new appears: order, group, relations, Cayley table."),
        "matrix": (
            "inversion",
            (
                "Compare augmentations: which are invertible, involutory, idempotent, which pairs "
                "commute; laws against images."
            ),
        ),
    },
    "Composition queries": {
        "compose": ("words", "Say what a composition is: its normal form, inverse, period and kind."),
        "equal": ("words", "Say whether two compositions are equal; exit code 1 if they are not."),
        "inverse": ("words", "Give the word that undoes a composition, or say why there is none."),
        "route": (
            "words",
            "Give the shortest way from one view to another; with --model also the one that measures best.",
        ),
        "table": (
            "words",
            "Give the Cayley table that follows from the declared laws; exit code 1 if it is not finished.",
        ),
        "invert": (
            "inversion",
            "Say whether a pipeline can be undone, step by step; exit code 1 if it cannot exactly.",
        ),
        "fuse": (
            "fusion",
            (
                "Reduce a pipeline by its algebra, and say what was done and why; exit code 1 if there is nothing "
                "to reduce."
            ),
        ),
    },
    "Latent spaces": {
        "train": ("runs", "Train a latent space and fit its operators; Ctrl-C keeps what was learned."),
        "transfer": (
            "runs",
            "Train a head that draws other augmentations; encoder and operators stay as they are (stage 3).",
        ),
        "operators": (
            "operators",
            "Show the operators of a run: where each comes from and how far to trust it; or add more.",
        ),
        "check": ("runs", "Measure every word from every view beside entropy, floor and the identity; worst first."),
        "apply": ("use", "Move pictures in a latent space and write what is drawn."),
        "interpolate": ("use", "Draw the line between the codes of two test images, as it is and moved by words."),
        "sample": (
            "use",
            (
                "Draw images from random codes: from the box around those of the originals, and from "
                "what is fitted to them."
            ),
        ),
        "density": (
            "density",
            "Show how likely codes are, given class and view, beside normals and mixtures; or fit that.",
        ),
        "partition": (
            "parts",
            "Cut a latent space into named parts: what no augmentation changes, and what each changes.",
        ),
        "recurse": (
            "use",
            "Repeat a word through decoder and encoder, and measure what drifts: DEC(ENC(.) L), again and again.",
        ),
        "report": (
            "report",
            "Write all there is to say of a run as one HTML file, which needs no network and no other file.",
        ),
    },
}
"""For each panel the commands in it: by name the module and the first paragraph of the help."""

PLUGIN_COMMANDS = {
    "list": (
        "catalog:plugins_app",
        (
            "Show every plugin: loaded, incomplete if it lacks a package that it needs, disabled, or "
            "failed with the reason."
        ),
    ),
    "info": ("catalog:plugins_app", "Show one plugin: where it comes from, its hooks, augmentations and laws."),
    "new": ("author", "Write a package with one augmentation and a test that passes: the start of a plugin."),
    "check": (
        "author",
        "Check what every plugin promises: its laws, batches, types, ranges, randomness.",
    ),
    "lint": (
        "lint:plugins_app",
        "Look for what is wrong with plugins without running them; exit code 1 if there is an error.",
    ),
    "trace": (
        "lint:plugins_app",
        "Show which plugin answered what, and how long it took to import and to answer; slowest first.",
    ),
}
"""The same for ``augalg plugins``; behind a colon the Typer application of the module, if it is not ``app``."""

LATENT_COMMANDS = {
    "info": (
        "latents",
        "Say what is in a cache of codes: format, shapes, types, second copies, numbers that are none.",
    ),
    "move": (
        "latents",
        "Write a cache again with all its codes moved by a word, and with crops, masks and sizes moved along.",
    ),
    "augment": ("latents", "Write a cache under every element of the group that augmentations generate."),
    "strip": (
        "latents",
        "Drop second copies that an operator replaces, in place; exit code 1 if it does not replace all of them.",
    ),
    "verify": (
        "latents",
        "Measure second copies against what an operator makes of the first; exit code 1 if a file is below the bar.",
    ),
}
"""The same for ``augalg latents``."""

CAUSAL_COMMANDS = {
    "train": ("causal", "Train a causal model of images whose factors are known; Ctrl-C keeps what was learned."),
    "show": ("causal", "Show the graph, what was learned of it, and what is kept of measurements and edits."),
    "check": (
        "causal",
        "Measure counterfactuals against the truth, and the axioms that they obey; exit code 1 if a bar is missed.",
    ),
    "do": ("causal_use", "Draw what follows when concepts are set: new pictures, or given ones changed."),
    "counterfactual": (
        "causal_use",
        "Draw what a picture would look like if concepts had other values, beside the truth where it is known.",
    ),
    "edit": ("causal_use", "Keep changes of graph and mechanisms under a name, and draw samples of that world."),
}
"""The same for ``augalg causal``."""
