"""Options that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from augalgebra import CommandLine

if TYPE_CHECKING:
    from augalg_slides.evidence.claims import Claim
    from augalg_slides.sweeps.sweep import Standing

Json = Annotated[bool, typer.Option("--json", help="Write the whole answer as JSON, and nothing else.")]
Data = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="'digits' (embedded); 'glyphs' or 'pendulum' (made on the fly); 'mnist', 'fashion-mnist', 'kmnist' or "
        "'cifar10' (downloaded if not in --data-dir); 'morpho' or 'morpho:digits' (MNIST and the digits with strokes "
        "that have causes); a folder of pictures; hf:NAME or hf:FOLDER (datasets of Hugging Face); "
        "webdataset:'shards-{000..003}.tar' or a folder of them; a file.npz or a file.npy.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where data sets lie.", envvar="AUGALG_DATA", show_envvar=True),
]
Moved = Annotated[
    str | None, typer.Option("--data", metavar="NAME", help="Where the run's data set lies now, if it has moved.")
]
Size = Annotated[
    int | None,
    typer.Option(
        "--size",
        min=1,
        metavar="PIXELS",
        help="Bring a folder's pictures of any size to squares of so many pixels: the shorter side is scaled, the "
        "middle cut out.",
    ),
]
SkipBroken = Annotated[
    bool, typer.Option("--skip-broken", help="Leave out pictures that cannot be read, and say how many.")
]
Likelihood = Annotated[
    Literal["bernoulli", "gaussian"] | None,
    typer.Option(
        help="'bernoulli' (cross-entropy, as published) or 'gaussian' (squared error); by default 'gaussian' where "
        "the pictures are far from black and white."
    ),
]
Budget = Annotated[str | None, typer.Option("--budget", metavar="TIME", help="Time to train, such as 90s, 10m or 1h.")]
Fit = Annotated[str | None, typer.Option("--fit", help="Name of the fit; by default the laws decide.")]


def show_claims(cli: CommandLine, claims: "Sequence[Claim]") -> None:
    """Write what the slides say, and whether it holds."""
    from augalgebra.documents import HOLDS

    for claim in claims:
        cli.line(f"slide {claim.slide}: {claim.text}: {HOLDS[claim.holds]}")
        cli.line(f"  {claim.measured}")


def time_left(standing: "Standing") -> str:
    """The time that is left, if that is known."""
    if standing.seconds_left is None:
        return ""
    minutes, seconds = divmod(round(standing.seconds_left), 60)
    return f"{minutes}:{seconds:02} left"
