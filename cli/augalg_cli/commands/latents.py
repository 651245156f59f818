"""``latents info``, ``move``, ``augment``, ``strip``, ``verify``: codes that trainers cached."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import options, render
from augalg_cli.progress import case_progress
from augalgebra import AugalgebraError
from augalgebra.plain import count_of

if TYPE_CHECKING:
    from augalgebra.caches import Cache, CopiesReport, Scaling, Written
    from augalgebra.latent import GridSpace
    from augalgebra.runs import GridRun

app = typer.Typer()

Place = Annotated[Path, typer.Argument(metavar="CACHE", help="Folder of the cache, or one file of it.")]
Model = Annotated[
    Path, typer.Option("--model", metavar="RUN", help="Run with operators of the autoencoder that made the codes.")
]
Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="New folder for what is written, or one that was begun before.")
]
Scaled = Annotated[
    bool, typer.Option("--scaled", help="The codes are shifted and scaled, (code - shift) * scale, and not raw.")
]
Space = Annotated[
    str, typer.Option("--space", metavar="SPEC", help="Where the autoencoder lies now, such as taesd:FOLDER.")
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="How many processes work.")]
Noise = Annotated[
    int | None,
    typer.Option(
        "--noise",
        metavar="SEED",
        help="Add noise as strong as what operators miss, so that moved codes vary as those of an encoder do.",
    ),
]
Carry = Annotated[
    list[str] | None,
    typer.Option(
        "--carry", metavar="KEY", help="An array that is unknown and may be copied; several times for several."
    ),
]
Bar = Annotated[
    float | None,
    typer.Option(
        callback=options.finite,
        help="Least agreement of a file with its second copies, in dB. Default: 25 of what is drawn, or 12 of codes "
        "where the autoencoder is not at hand.",
    ),
]
Samples = Annotated[
    int | None, typer.Option(min=1, help="Pictures of each file that are compared. Default: all of them.")
]

_MOST_FILES = 10


@app.command(epilog="Example:  augalg latents info cache")
def info(cache: Place, carry: Carry = None, jobs: Jobs = 1, as_json: options.Json = False) -> None:
    """Say what is in a cache of codes: format, shapes, types, second copies, numbers that are none."""
    from augalgebra.caches import Cache, describe_cache

    with case_progress("files", quiet=as_json) as progress:
        found = describe_cache(Cache.open(cache, carry or ()), jobs=jobs, progress=progress)
    if as_json:
        render.emit_json(found)
        return
    scaled = {True: "shifted and scaled", False: "raw", None: "raw or scaled, by the model"}[found.scaled]
    sizes = [f"{count} of {'×'.join(map(str, size))}" for size, count in list(found.sizes.items())[:_MOST_FILES]]
    more = len(found.sizes) - _MOST_FILES
    render.fields(
        [
            ("format", f"{found.format} ({found.trainer})"),
            ("files", f"{found.files}" + (f", and {found.left} that are no codes" if found.left else "")),
            ("pictures", found.pictures),
            ("second copies", found.copies),
            ("channels×height×width", ", ".join(sizes) + (f", and {more} other sizes" if more > 0 else "")),
            ("arrays", ", ".join(f"{name} ({count})" for name, count in list(found.arrays.items())[:_MOST_FILES])),
            ("size", f"{found.bytes / 2**20:,.1f} MiB"),
            ("values", f"{found.smallest:.4g} to {found.largest:.4g}, deviation {found.deviation:.4g}"),
            ("kept", scaled),
            ("made by", _made_by(found.record)),
        ]
    )
    for name, count in list(found.not_finite.items())[:_MOST_FILES]:
        render.note(f"{name}: {count_of(count, 'number')} NaN or infinite; encode these pictures again")
    _warn_of_captions(found.captions, found.example)


@app.command(epilog="Example:  augalg latents move cache flip_lr --model runs/taef2 --out moved")
def move(
    cache: Place,
    word: options.Word,
    model: Model,
    out: Out,
    scaled: Scaled = False,
    noise: Noise = None,
    space: Space = "",
    carry: Carry = None,
    jobs: Jobs = 1,
    as_json: options.Json = False,
) -> None:
    """Write a cache again with all its codes moved by a word, and with crops, masks and sizes moved along."""
    from augalgebra.caches import move_cache

    opened, run, scaling = _open(cache, carry, model, space, scaled=scaled)
    with case_progress("files", quiet=as_json) as progress:
        written = move_cache(
            opened, word, run.registry, out, scaling=scaling, noise=noise, jobs=jobs, progress=progress
        )
    _tell_written(opened, written, as_json=as_json)


@app.command(epilog="Example:  augalg latents augment cache flip_lr rotate_cw --model runs/taef2 --out augmented")
def augment(
    cache: Place,
    names: options.Generators,
    model: Model,
    out: Out,
    scaled: Scaled = False,
    noise: Noise = None,
    space: Space = "",
    carry: Carry = None,
    jobs: Jobs = 1,
    as_json: options.Json = False,
) -> None:
    """Write a cache under every element of the group that augmentations generate."""
    from augalgebra.caches import augment_cache

    opened, run, scaling = _open(cache, carry, model, space, scaled=scaled)
    with case_progress("files", quiet=as_json) as progress:
        written = augment_cache(
            opened, names, run.registry, out, scaling=scaling, noise=noise, jobs=jobs, progress=progress
        )
    _tell_written(opened, written, as_json=as_json)


@app.command(epilog="Example:  augalg latents strip cache --model runs/taef2")
def strip(
    cache: Place,
    model: Model,
    scaled: Scaled = False,
    space: Space = "",
    bar: Bar = None,
    samples: Samples = None,
    carry: Carry = None,
    jobs: Jobs = 1,
    as_json: options.Json = False,
) -> None:
    """Drop second copies that an operator replaces, in place; exit code 1 if it does not replace all of them."""
    from augalgebra.caches import strip_cache

    opened, run, scaling = _open(cache, carry, model, space, scaled=scaled)
    drawn = _space_at_hand(run)
    with case_progress("files", quiet=as_json) as progress:
        report = strip_cache(
            opened, run.registry, drawn, scaling=scaling, bar=bar, samples=samples, jobs=jobs, progress=progress
        )
    if as_json:
        render.emit_json(report)
    elif not report.report.compared:
        render.line(f"{cache} has no second copies; nothing was dropped")
    else:
        _show_copies(report.report)
        saved = (report.bytes_before - report.bytes_after) / 2**20
        render.line(f"second copies dropped from {count_of(len(report.stripped), 'file')}, {saved:,.1f} MiB saved")
    if report.report.below:
        raise typer.Exit(1)


@app.command(epilog="Example:  augalg latents verify cache --model runs/taef2")
def verify(
    cache: Place,
    model: Model,
    scaled: Scaled = False,
    space: Space = "",
    bar: Bar = None,
    samples: Samples = None,
    carry: Carry = None,
    jobs: Jobs = 1,
    as_json: options.Json = False,
) -> None:
    """Measure second copies against what an operator makes of the first; exit code 1 if a file is below the bar."""
    from augalgebra.caches import verify_cache

    opened, run, scaling = _open(cache, carry, model, space, scaled=scaled)
    drawn = _space_at_hand(run)
    with case_progress("files", quiet=as_json) as progress:
        report = verify_cache(
            opened, run.registry, drawn, scaling=scaling, bar=bar, samples=samples, jobs=jobs, progress=progress
        )
    if as_json:
        render.emit_json(report)
    else:
        _show_copies(report)
    if report.below:
        raise typer.Exit(1)


def _open(
    cache: Path, carry: list[str] | None, model: Path, space: str, *, scaled: bool
) -> "tuple[Cache, GridRun, Scaling]":
    from augalgebra.caches import Cache
    from augalgebra.runs import GridRun

    opened, run = Cache.open(cache, carry or ()), GridRun.load(model, options.catalog())
    run.place = space
    return opened, run, _scaling(opened, run, scaled=scaled)


def _space_at_hand(run: "GridRun") -> "GridSpace | None":
    """The autoencoder of a run; None, with a word about it, if it cannot be opened."""
    try:
        return run.space
    except AugalgebraError as error:
        if run.place:
            raise
        render.note(f"codes are compared, and nothing is drawn: {error}")
        return None


def _scaling(cache: "Cache", run: "GridRun", *, scaled: bool) -> "Scaling":
    """How codes lie on the disk, as far as the autoencoder is at hand seen to be true."""
    from augalgebra.caches import Scaling, check_scaling

    try:
        space = run.space
    except AugalgebraError as error:
        if scaled or run.place:
            raise
        if cache.format.scaled:
            raise AugalgebraError(
                f"codes of {cache.format.name} are scaled, and only the autoencoder knows by how much: {error}"
            ) from error
        return Scaling()
    if scaled and space.scale == 1 and not space.shift:
        raise AugalgebraError("--scaled has no effect: the scale of this autoencoder is 1 and its shift 0")
    scaling = Scaling(space.scale, space.shift) if scaled else Scaling()
    remark = check_scaling(cache, space, scaling)
    if remark:
        render.note(remark)
    return scaling


def _tell_written(cache: "Cache", written: "Written", *, as_json: bool) -> None:
    _warn_of_captions(*cache.captions_with_sides())
    if cache.left:
        render.note(f"{len(cache.left)} files that are no codes, such as {cache.left[0]}, were left alone")
    for reason in written.stale:
        render.note(reason)
    if as_json:
        render.emit_json(written)
        return
    render.line(
        f"codes under {', '.join(written.words)}"
        + (f"; copies under {', '.join(written.copies)}" * bool(written.copies))
    )
    before = f"; {written.before} were whole before" if written.before else ""
    render.line(f"{count_of(written.files, 'file')} of the cache written to {written.out}{before}")


def _show_copies(report: "CopiesReport") -> None:
    unit = "dB of what is drawn" if report.drawn else "dB of codes"
    pairs: list[tuple[str, object]] = [
        ("pictures", sum(file.pictures for file in report.compared)),
        ("error of codes", f"{report.mean('error'):.4f} (flipped plainly {report.mean('plain'):.4f})"),
    ]
    if report.drawn:
        lost, agreement = report.mean("lost"), report.mean("agreement")
        pairs.append(("lost", f"{lost:.2f} dB"))
        pairs.append(("agreement", f"{agreement:.2f} dB, the worst picture {report.worst:.2f} dB"))
    render.fields(pairs)
    render.write_bullets(
        f"below the bar of {report.bar:g} {unit}",
        [f"{file.file}: {file.decibels:.2f} dB" for file in report.below],
        _MOST_FILES,
    )


def _made_by(record: dict[str, object]) -> str | None:
    words = record.get("words")
    return f"augalg, by {', '.join(map(str, words))}" if isinstance(words, list) else None


def _warn_of_captions(count: int, example: Path | None) -> None:
    if count:
        render.note(
            f"{count_of(count, 'caption')} with left or right in it, such as {example}; wrong after a flip or a turn"
        )
