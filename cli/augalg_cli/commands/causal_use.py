"""``causal do``, ``counterfactual``, ``edit``: a causal model asked what would be, in its world or in an edited one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from augalg_cli import options, render
from augalg_cli.causal_text import edits_in, graph_lines, values_in
from augalg_cli.commands.causal import EditName, load_of
from augalg_cli.commands.runs import Folder
from augalg_cli.datasets import Moved
from augalgebra import AugalgebraError

if TYPE_CHECKING:
    from torch import Tensor

    from augalgebra.runs import CausalRun, Counterfactuals

app = typer.Typer()

Out = Annotated[Path, typer.Option("--out", metavar="FILE", callback=options.png, help="The picture to write, a .png.")]
Image = Annotated[Path | None, typer.Option("--image", metavar="FILE", help="A picture, or an .npz of several.")]
Index = Annotated[
    list[int] | None, typer.Option("--index", min=0, metavar="N", help="A test image by its number; may be repeated.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of what is drawn at random.")]

_COLUMNS = 8
_MOST_SHOWN = 8


@app.command("do", epilog='Example:  augalg causal do runs/pendulum "light=20,angle=-10" --out moved.png')
def set_concepts(
    context: typer.Context,
    run: Folder,
    values: Annotated[str, typer.Argument(metavar="VALUES", help="What is set, such as 'light=20,angle=-10'.")],
    out: Out,
    image: Image = None,
    index: Index = None,
    edit: EditName = "",
    n: Annotated[int, typer.Option("--n", min=1, help="How many new pictures.")] = 8,
    seed: Seed = 0,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Draw what follows when concepts are set: new pictures, or given ones changed.

    New pictures have noise as the training images have it. Of a given one
    (--image, --index) everything stays that does not follow from what is set.
    """
    from augalgebra.runs import CausalRun, write_grid

    options.check_pictures(n)
    do = values_in(values)
    loaded = CausalRun.load(run)
    world = loaded.edited(edit)
    if image is None and not index:
        options.refuse_idle(context, "a test image: --index N", "moved")
        noise = loaded.model.draw_noise(n, seed)
        state = world.predict(noise, do)
        drawn = loaded.model.decode(state).cpu()
    else:
        options.refuse_idle(context, "new pictures: leave out --image and --index", "n", "seed")
        given = _pictures(loaded, image, index, data_dir, moved, quiet=as_json)
        state = world.predict(loaded.model.abduct(loaded.take(given)), do)
        drawn = loaded.model.decode(state).cpu()
    write_grid(out, _rows(drawn), scale=1 if drawn.shape[-1] >= 48 else 3)
    columns = dict(zip(loaded.model.concepts, state.values.cpu().double().unbind(1), strict=True))
    if as_json:
        answer = {"run": str(run), "do": do, "edit": edit, "values": columns, "pictures": len(drawn), "file": str(out)}
        render.emit_json(answer)
        return
    rows = [[number, *(f"{column[number]:.4g}" for column in columns.values())] for number in range(len(drawn))]
    render.table(["picture", *columns], rows[:_MOST_SHOWN], right=range(1 + len(columns)), title="what follows")
    render.line(f"{out}: {len(drawn)} pictures with {_told(do)}{f', in the world of {edit}' * bool(edit)}")


@app.command(epilog='Example:  augalg causal counterfactual runs/pendulum --index 3 --do "light=20" --out sheet.png')
def counterfactual(
    run: Folder,
    do: Annotated[str, typer.Option("--do", metavar="VALUES", help="What is set, such as 'light=20,angle=-10'.")],
    out: Out,
    image: Image = None,
    index: Index = None,
    edit: EditName = "",
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Draw what a picture would look like if concepts had other values, beside the truth where it is known.

    A row of the sheet: the picture, as it is encoded and decoded, the
    counterfactual, and the true one. Errors are mean squared differences of
    pixels; the floor is that of encoding and decoding the true one.
    """
    from augalgebra.reports import draw_counterfactuals
    from augalgebra.runs import CausalRun

    asked = values_in(do, "--do: ")
    loaded = CausalRun.load(run)
    if image is None and not index:
        raise AugalgebraError("a counterfactual of which picture? Name one, --image FILE, or a test image, --index N")
    pictures = _pictures(loaded, image, index, data_dir, moved, quiet=as_json)
    found = loaded.show_counterfactuals(pictures, asked, edit=edit)
    draw_counterfactuals(found, out, title=_told(asked))
    if as_json:
        render.emit_json({"run": str(run), "do": asked, "edit": edit, "file": str(out), **found.to_dict()})
        return
    for number in range(min(len(pictures), _MOST_SHOWN)):
        _show_values(found, number, many=len(pictures) > 1)
    unread = {concept: int(values.isnan().sum()) for concept, values in found.drawn.items()}
    if any(unread.values()):
        told = ", ".join(f"{concept} off {count} of {len(pictures)}" for concept, count in unread.items() if count)
        render.note(f"not read off what was drawn: {told}")
    if found.missing:
        render.note(f"there is no true picture beside it: {found.missing}")
    if found.errors is not None:
        render.table(
            ["error", "per pixel"],
            [[name, f"{value:.4f}"] for name, value in found.errors.items()],
            right=[1],
        )
    render.line(f"drawn in {out}")


@app.command(epilog='Example:  augalg causal edit runs/pendulum fixed --cut "light>shadow_length" --out fixed.png')
def edit(
    context: typer.Context,
    run: Folder,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name that it is kept under.")],
    cut: Annotated[
        list[str] | None, typer.Option("--cut", metavar="EDGE", help="Cut an edge: its cause then has its mean.")
    ] = None,
    add: Annotated[
        list[str] | None,
        typer.Option("--add", metavar="EDGE=W", help="Add an edge: W units of the effect for a unit of the cause."),
    ] = None,
    put: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FORMULA", help="Replace a mechanism, as in 'shadow_length=4 + 0.1*angle'."),
    ] = None,
    freeze: Annotated[
        list[str] | None,
        typer.Option("--freeze", metavar="NAMES", help="Keep what the trained model gives, whatever its causes are."),
    ] = None,
    do: Annotated[list[str] | None, typer.Option("--do", metavar="VALUES", help="Hold concepts at values.")] = None,
    n: Annotated[int, typer.Option("--n", min=1, help="With --out: how many new pictures of that world.")] = 8,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", callback=options.png, help="Their picture, a .png.")
    ] = None,
    seed: Seed = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is kept under this name.")] = False,
    as_json: options.Json = False,
) -> None:
    """Keep changes of graph and mechanisms under a name, and draw samples of that world.

    Without changes it shows what is kept. The trained model stays as it is;
    'do', 'counterfactual' and 'show' take the name with --edit, and 'check' tries
    all that are kept.
    """
    if out is None:
        options.refuse_idle(context, "a picture of samples: --out FILE", "n", "seed")
    options.check_pictures(n)
    from augalgebra.runs import CausalRun, write_grid

    loaded = CausalRun.load(run)
    changes = edits_in(cut or (), add or (), put or (), freeze or (), do or ())
    loaded.edit_file(name)  # refuses what is no name
    if not changes:
        options.refuse_idle(context, "changes, such as --cut EDGE", "overwrite")
    elif name in loaded.edits and not overwrite:
        raise AugalgebraError(f"{name} is kept already in {run}; --overwrite replaces it, or choose another name")
    world = loaded.model.edited().edit(*changes) if changes else loaded.edited(name)
    if out is not None:
        drawn = world.sample(n, seed).cpu()
        write_grid(out, _rows(drawn), scale=1 if drawn.shape[-1] >= 48 else 3)
    if changes:  # last, so that nothing is kept where the picture cannot be written
        loaded.keep_edits(name, world)
    if as_json:
        about: dict[str, Any] = {"run": str(run), "edit": name, "words": list(map(str, world.edits)), **world.to_dict()}
        render.emit_json(about | {"graph": world.graph.to_dict(), "file": None if out is None else str(out)})
        return
    render.write_bullets(f"{name} of {run}", [str(change) for change in world.edits], 100)
    for line in graph_lines(world.graph):
        render.line(line)
    if out is not None:
        render.line(f"{out}: {n} pictures of that world")


def _pictures(
    run: "CausalRun",
    image: Path | None,
    index: list[int] | None,
    data_dir: str | None,
    moved: str | None,
    *,
    quiet: bool,
) -> "Tensor":
    """The pictures that options name."""
    import torch

    from augalgebra.runs import read_picture

    found = [] if image is None else [read_picture(image, run.model.architecture.image_shape)]
    options.check_pictures(sum(map(len, found)) + len(index or ()))
    if index:
        data = load_of(run, data_dir, moved, quiet=quiet)
        for number in index:
            if number >= len(data.test):
                raise AugalgebraError(f"there is no test image {number}; {data.name} has {len(data.test)}, from 0")
        found.append(data.test.batch(torch.tensor(index))[0])
    return torch.cat(found)


def _show_values(found: "Counterfactuals", number: int, *, many: bool) -> None:
    columns = [found.read, found.predicted, *([found.true, found.drawn] if found.true else [])]
    names = ["concept", "read", "predicted", *(["true", "drawn"] if found.true else [])]
    rows = [
        [concept, *(render.measured(float(column[concept][number]), 4) for column in columns)] for concept in found.read
    ]
    render.table(names, rows, right=range(1, len(names)), title=f"picture {number}" if many else "")


def _rows(pictures: "Tensor") -> "Tensor":
    """Pictures in rows; what is left over of the last row is white."""
    import torch

    columns = min(_COLUMNS, len(pictures))
    short = -len(pictures) % columns
    filled = torch.cat([pictures, torch.ones_like(pictures[:1]).expand(short, -1, -1, -1)])
    return filled.reshape(-1, columns, *pictures.shape[1:])


def _told(do: dict[str, float]) -> str:
    return ", ".join(f"{concept} = {value:g}" for concept, value in do.items())
