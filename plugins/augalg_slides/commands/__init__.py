"""The commands ``augalg slides …``: how they are listed, and where each is defined."""

COMMANDS = {
    "All of them": {
        "reproduce": (
            "reproduce",
            "Make every experiment of the slides: a table of claims, figures, and one report to look at.",
        ),
    },
    "Which pair to start from": {
        "sweep": (
            "sweep",
            "Train on every pair, transfer to every pair, and compare; run again, it goes on where it stopped.",
        ),
        "advise": ("sweep", "Predict from laws and short runs which initial pair transfers best to a target."),
    },
    "Latent spaces": {
        "geometry": (
            "geometry",
            "Look at the codes of each view beside those that operators move there, and measure both.",
        ),
        "fractions": (
            "geometry",
            "Take half a flip and a third of a rotation, by powers of operators and by a family of them.",
        ),
        "synthetic": (
            "geometry",
            (
                "Make latent spaces from glyphs of known factors, with and without pairs, and compare how flips act "
                "on them."
            ),
        ),
        "compare": (
            "compare",
            "Train latent spaces of several kinds alike and measure them side by side; what DIR holds already is kept.",
        ),
    },
}
"""For each panel the commands in it: by name the module and the first paragraph of the help."""
