"""A causal model on the command line: trained, shown, asked, edited, checked and reported; bad input in one line."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from augalg_cli.causal_text import edits_in, graph_lines, share_in, values_in
from causal_runs import EDGES, SIDE
from conftest import Done

from augalgebra.causal import CausalGraph
from augalgebra.data import draw_pendulum
from augalgebra.errors import AugalgebraError
from augalgebra.runs import CausalRun, write_picture

Program = Callable[..., Done]
PNG = b"\x89PNG"
TRAIN = ("causal", "train", "run", "--width", "4", "--steps", "2")


def told(done: Done) -> str:
    assert (done.code, done.out) == (2, ""), done
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    return done.err


def test_a_model_is_trained_with_what_is_known_of_its_graph(program: Program) -> None:
    answer = program(*TRAIN, "--json").data
    assert (answer["steps"], answer["ended"], answer["learned"], answer["hamming_distance"]) == (2, "limit", False, 0)
    roles = ("--exogenous", "light,angle", "--endogenous", "shadow_length,shadow_position")
    answer = program(*TRAIN, *roles, "--overwrite", "--labels", "50%", "--mechanisms", "linear", "--json").data
    settings = CausalRun.load("run").settings
    assert answer["learned"]
    assert settings.prior is not None
    assert (settings.labels, settings.mechanisms, settings.prior.kind) == (0.5, "linear", "roles")
    shown = program(*TRAIN, "--order", "light,angle,shadow_length,shadow_position", "--overwrite")
    assert shown.code == 0
    assert "2 steps, finished; the run is in run" in shown.out
    assert program(*TRAIN, "--learn", "--overwrite", "--json").data["learned"]


def test_factors_that_never_vary_are_left_out_with_a_note(program: Program) -> None:
    images, number = np.random.default_rng(0).integers(0, 255, (60, 16, 16, 1), np.uint8), np.arange(60.0)
    np.savez("mine.npz", images=images, factor_thickness=number, factor_intensity=number[::-1], factor_flip=0 * number)
    done = program(*TRAIN, "--data", "mine.npz", "--graph", "thickness>intensity")
    assert (done.code, done.err.splitlines()[0]) == (0, "flip is the same in all images, and so no concept")
    run = CausalRun.load("run")
    assert (run.model.concepts, run.true_graph) == (("thickness", "intensity"), None)


def test_a_training_that_ctrl_c_ends_is_kept_and_told_by_the_exit_code(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("augalg_cli.commands.causal.training_progress", lambda **_: nullcontext(stop))
        begun = program(*TRAIN)
    assert (begun.code, "interrupted; --resume goes on; the run is in run" in begun.out) == (130, True), begun
    assert program(*TRAIN, "--resume").code == 0
    assert "there is a run in run already" in told(program(*TRAIN))
    assert "there is no run in other to resume" in told(program("causal", "train", "other", "--resume"))


def test_what_labels_cannot_tell_of_a_graph_is_said(
    program: Program, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "labels cannot tell" not in program("causal", "show", str(run)).err
    monkeypatch.setattr(CausalRun, "undirected", ("angle", "shadow_length"))
    shown = program("causal", "show", str(run))
    assert shown.err.startswith("angle and shadow_length would follow without noise; which is the effect, labels")


def test_the_graph_is_shown_and_drawn(program: Program, run: Path) -> None:
    shown = program("causal", "show", str(run), "--out", "graph.svg")
    assert shown.code == 0, shown
    assert "─> shadow_length" in shown.out
    assert "these are the edges of the true graph, which was given" in shown.out
    texts = [element.text for element in ElementTree.parse("graph.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert {"light", "angle", "shadow_length", "shadow_position"} <= set(texts)
    first = Path("graph.svg").read_bytes()
    answer = program("causal", "show", str(run), "--out", "graph.svg", "--json").data
    assert Path("graph.svg").read_bytes() == first
    assert answer["graph"]["edges"][0] == ["light", "shadow_length"]
    assert answer["check"] is None
    assert "let it end in .png or .svg" in told(program("causal", "show", str(run), "--out", "graph.pdf"))


def test_concepts_are_set_in_new_pictures_and_in_given_ones(program: Program, run: Path) -> None:
    answer = program("causal", "do", str(run), "light=20,angle=-10", "--n", "3", "--out", "new.png", "--json").data
    assert (answer["do"], answer["pictures"]) == ({"light": 20.0, "angle": -10.0}, 3)
    np.testing.assert_allclose(answer["values"]["light"], [20.0] * 3, atol=1e-4)
    assert Path("new.png").read_bytes().startswith(PNG)
    shown = program("causal", "do", str(run), "light=20", "--index", "2", "--index", "0", "--out", "moved.png")
    assert shown.code == 0
    assert "moved.png: 2 pictures with light = 20" in shown.out
    assert "--n has no effect without new pictures" in told(
        program("causal", "do", str(run), "light=20", "--index", "2", "--n", "4", "--out", "x.png")
    )


def test_a_counterfactual_stands_beside_the_truth(program: Program, run: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "one.png", draw_pendulum(20.0, -10.0, size=(32, 32))[0])
    done = program(
        "causal", "counterfactual", str(run), "--image", "one.png", "--do", "light=0", "--out", "s.png", "--json"
    )
    answer = done.data
    assert answer["true"]["light"] == pytest.approx([0.0], abs=0.1)
    assert answer["true"]["angle"] == pytest.approx([-10.0], abs=0.5)
    assert set(answer["errors"]) == {"counterfactual", "floor", "identity"}
    assert Path("s.png").read_bytes().startswith(PNG)
    shown = program("causal", "counterfactual", str(run), "--index", "1", "--do", "light=0", "--out", "s.png")
    assert shown.code == 0
    assert "counterfactual" in shown.out
    write_picture(tmp_path / "blank.png", draw_pendulum(20.0, -10.0, size=(32, 32))[0] * 0 + 1)
    asked = ("--image", "blank.png", "--do", "light=0", "--out", "s.png")
    Path("s.png").unlink()
    blank = program("causal", "counterfactual", str(run), *asked)
    assert (blank.code, Path("s.png").exists()) == (0, True)
    assert blank.err.startswith("there is no true picture beside it: light cannot be read off picture 0")
    assert "of which picture?" in told(program("causal", "counterfactual", str(run), *asked[2:]))


def test_edits_are_made_shown_and_used(program: Program, run: Path) -> None:
    made = ("--cut", "light>shadow_length", "--set", "shadow_position=4 + 0.1*angle", "--freeze", "angle")
    answer = program("causal", "edit", str(run), "fixed", *made, "--out", "world.png", "--json").data
    assert answer["words"] == ["cut light>shadow_length", "freeze angle", "set shadow_position = 4 + 0.1*angle"]
    assert answer["graph"]["edges"] == [["angle", "shadow_length"], ["angle", "shadow_position"]]
    assert Path("world.png").read_bytes().startswith(PNG)
    program("causal", "edit", str(run), "exact", "--set", "shadow_length=4.12345678 + 0.123456789*angle")
    words = program("causal", "edit", str(run), "exact", "--json").data["words"]
    assert words == ["set shadow_length = 4.12345678 + 0.123456789*angle"]
    assert "4.12345678 + 0.123456789*angle" in (run / "edits" / "exact.toml").read_text()
    shown = program("causal", "edit", str(run), "fixed")
    assert "angle ───> shadow_length" in shown.out
    assert "fixed: cut light>shadow_length; freeze" in program("causal", "show", str(run)).out
    values = program("causal", "do", str(run), "angle=10", "--edit", "fixed", "--out", "x.png", "--json").data["values"]
    np.testing.assert_allclose(values["shadow_position"], [5.0] * 8, atol=1e-4)
    assert program("causal", "show", str(run), "--edit", "fixed", "--out", "g.png").code == 0


def test_an_edit_takes_the_place_of_another_only_when_told(program: Program, run: Path) -> None:
    program("causal", "edit", str(run), "w", "--do", "light=1")
    again = ("causal", "edit", str(run), "w", "--do", "light=2")
    assert "w is kept already" in told(program(*again, "--out", "x.png"))
    assert not Path("x.png").exists()
    assert program("causal", "edit", str(run), "w", "--json").data["words"] == ["do light = 1"]
    assert program(*again, "--overwrite", "--json").data["words"] == ["do light = 2"]
    assert "--overwrite has no effect without changes" in told(program("causal", "edit", str(run), "w", "--overwrite"))


@pytest.mark.parametrize(
    "changes",
    [
        ("--set", "light=shadow_length", "--do", "shadow_length=4", "--do", "shadow_position=9"),
        ("--add", "shadow_length>light=0.5", "--freeze", "shadow_length,shadow_position"),
        ("--set", "light=2*shadow_length", "--set", "shadow_length=4", "--cut", "light>shadow_position"),
        ("--add", "shadow_length>light=0.5", "--set", "shadow_length=4", "--cut", "light>shadow_position"),
    ],
)
def test_a_world_without_a_cycle_is_made_whatever_is_said_first(
    program: Program, run: Path, changes: tuple[str, ...]
) -> None:
    made = program("causal", "edit", str(run), "turned", *changes, "--json")
    assert made.code == 0, made
    assert ["shadow_length", "light"] in made.data["graph"]["edges"]


def test_an_edge_of_a_mechanism_that_was_replaced_has_no_strength(program: Program, run: Path) -> None:
    def strengths(*options: str) -> tuple[int, int]:
        program("causal", "edit", str(run), "odd", *options, "--overwrite")
        shown = program("causal", "show", str(run), "--edit", "odd", "--out", "g.svg")
        lines = shown.out.partition("light\n")[2]
        texts = [str(element.text) for element in ElementTree.parse("g.svg").iter("{http://www.w3.org/2000/svg}text")]
        return lines.count("("), sum(text[-1].isdigit() for text in texts)

    assert strengths("--set", "shadow_length=4 + 0.1*angle + 0.1*light") == (2, 2)  # those of the other mechanism
    assert strengths("--cut", "light>shadow_length", "--add", "light>shadow_length=0.2") == (3, 3)
    assert strengths("--freeze", "shadow_length") == (2, 2)
    assert strengths("--do", "light=1") == (4, 4)


@pytest.mark.parametrize(
    "options",
    [
        ("causal", "do", "RUN", "light=20"),
        ("causal", "counterfactual", "RUN", "--index", "1", "--do", "light=0"),
        ("causal", "edit", "RUN", "new", "--cut", "light>shadow_length"),
        ("partition", "RUN", "--swap", "1", "2"),
        ("slides", "fractions", "RUN"),
        ("recurse", "RUN", "flip_lr"),
        ("interpolate", "RUN", "1", "2"),
        ("sample", "RUN"),
    ],
    ids=lambda options: options[-1],
)
def test_a_picture_is_written_under_its_own_ending_or_nothing_is_done(
    program: Program, run: Path, options: tuple[str, ...]
) -> None:
    asked = [str(run) if item == "RUN" else item for item in options]
    for name in ("x.svg", "x.txt", "x"):
        assert told(program(*asked, "--out", name)).endswith(f"{name} is no name for a picture; let it end in .png\n")
        assert not Path(name).exists()
    assert CausalRun.load(run).edits == ()
    with pytest.raises(AugalgebraError, match=r"let it end in \.png"):
        write_picture(Path("x.txt"), draw_pendulum(20.0, -10.0)[0])


def test_more_pictures_than_a_file_holds_are_refused_before_any_is_drawn(program: Program, run: Path) -> None:
    many = ("--n", "100000000", "--out", "x.png")
    for asked in (("do", str(run), "light=20"), ("edit", str(run), "new", "--cut", "light>shadow_length")):
        assert told(program("causal", *asked, *many)) == (
            "error: 100000000 pictures are too many for one file; ask for at most 1000\n"
        )
    np.savez("many.npz", images=np.zeros((1001, SIDE, SIDE, 3), np.uint8))
    assert "1001 pictures are too many" in told(
        program("causal", "do", str(run), "light=20", "--image", "many.npz", "--out", "x.png")
    )
    assert not Path("x.png").exists()
    assert CausalRun.load(run).edits == ()


def test_an_edit_whose_picture_cannot_be_written_is_not_kept(program: Program, run: Path) -> None:
    Path("file").write_text("here")
    cut = ("--cut", "light>shadow_length")
    told(program("causal", "edit", str(run), "new", *cut, "--out", "file/x.png"))
    assert CausalRun.load(run).edits == ()
    assert "is no name for an edit" in told(program("causal", "edit", str(run), "a b", *cut, "--out", "x.png"))
    assert not Path("x.png").exists()


def test_why_there_is_no_true_picture_is_told(program: Program, run: Path) -> None:
    done = program("causal", "counterfactual", str(run), "--index", "3", "--do", "light=48", "--out", "s.png")
    assert done.code == 0
    assert done.err.startswith("there is no true picture beside it: light must lie in [")
    assert done.err.count("\n") == 1


def test_a_report_shows_every_edit_that_can_be_read(program: Program, run: Path) -> None:
    for name in ("a", "b", "c"):
        program("causal", "edit", str(run), name, "--cut", "light>shadow_length")
    program("causal", "edit", str(run), "b", "--set", "shadow_length=4 + 1000*light", "--overwrite")
    (run / "edits" / "a.toml").write_text("damaged")
    program("report", str(run), "--data", "digits")
    page = (run / "report.html").read_text(encoding="utf-8")
    assert [f"<code>{name}</code> cannot be shown:" in page for name in "abc"] == [True, True, False]
    assert "New pictures of <code>c</code>" in page


def test_a_causal_run_is_reported_and_partitioned(program: Program, run: Path) -> None:
    program("causal", "edit", str(run), "fixed", "--cut", "light>shadow_length")
    answer = program("report", str(run), "--images", "12", "--json").data
    assert (answer["measured"], answer["missing"]) == (True, "")
    page = (run / "report.html").read_text(encoding="utf-8")
    texts = ("Each concept over its range", "Composition", "cut light&gt;shadow_length", ">MIC<", ">TIC<")
    assert [text for text in texts if text not in page] == []
    assert "Not reported" not in page
    answer = program("partition", str(run), "--images", "10", "--swap", "1", "2", "--out", "p.png", "--json").data
    assert [part["name"] for part in answer["parts"]] == ["light", "angle", "shadow_length", "shadow_position"]
    assert Path("p.png").read_bytes().startswith(PNG)
    assert "caused by" in program("partition", str(run), "--images", "10").out
    assert "--factors has no effect" in told(program("partition", str(run), "--factors"))
    moved = program("report", str(run), "--data", "digits", "--json").data
    assert "is not what" in moved["missing"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--graph", "light>angle,angle>light"), "light -> angle -> light is a cycle"),
        (("--graph", "ligth>angle"), "unknown concept 'ligth'; did you mean light?"),
        (("--graph", "light-angle"), "an edge is written cause>effect"),
        (("--exogenous", "light", "--endogenous", "angle"), "nothing is said of shadow_length, shadow_position"),
        (("--order", "light,angle", "--learn"), "--order and --learn say different things"),
        (("--labels", "ten"), "'ten' is no share of the images"),
        (("--labels", "1%"), "1.00% of 60 images are 1 labels; at least 10 are needed"),
        (("--data", "digits"), "the data bring no factors"),
        (("--data", "digits", "--learn"), "add an array factor_NAME for each"),
        (("--data", "digits", "--graph", "a>b"), "add an array factor_NAME for each"),
        (("--data", "digits", "--order", "a,b"), "add an array factor_NAME for each"),
        (("--exogenous", "lamp"), "unknown concept 'lamp' (the concepts are light, angle,"),
    ],
)
def test_a_training_that_cannot_be_is_refused(program: Program, options: tuple[str, ...], message: str) -> None:
    assert message in told(program(*TRAIN, *options))
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("do", "RUN", "ligth=20", "--out", "x.png"), "unknown concept 'ligth'; did you mean light?"),
        (("do", "RUN", "light=300", "--out", "x.png"), "light = 300 is too far beyond what the model was trained on"),
        (("do", "RUN", "light", "--out", "x.png"), "'light' sets no concept to a number"),
        (("do", "RUN", "light=nan", "--out", "x.png"), "light needs a finite number, not nan"),
        (("do", "RUN", "light=-inf", "--out", "x.png"), "light needs a finite number, not -inf"),
        (("do", "RUN", "nan=1", "--out", "x.png"), "unknown concept 'nan' (the concepts are light, angle,"),
        (("do", "RUN", "light=1,light=2", "--out", "x.png"), "light is set twice, to 1 and to 2"),
        (("do", "RUN", "light=1", "--index", "30", "--out", "x.png"), "there is no test image 30; pendulum has 30"),
        (("do", "RUN", "light=1", "--edit", "mine", "--out", "x.png"), "unknown edit 'mine'"),
        (("edit", "RUN", "x", "--cut", "angle>light"), "there is no edge angle>light to cut"),
        (("edit", "RUN", "x", "--add", "shadow_length>light=1"), "is a cycle"),
        (("edit", "RUN", "x", "--add", "angle>light"), "says no weight"),
        (("edit", "RUN", "x", "--add", "angle>light="), "'angle>light=' says no weight; write an edge to add as in"),
        (("edit", "RUN", "x", "--add", "angle>light=b"), "'angle>light=b' says no weight; write an edge to add as in"),
        (("edit", "RUN", "x", "--add", "light>shadow_length=0"), "already; cut it before it is added anew"),
        (("edit", "RUN", "x", "--add", "nan>light=1"), "unknown concept 'nan' (the others are angle, shadow_length"),
        (("edit", "RUN", "x", "--set", "shadow_length=4 angle"), "'angle' is none"),
        (("edit", "RUN", "x", "--set", "shadow_length=nan"), "unknown concept 'nan' (the concepts are light, angle,"),
        (
            ("edit", "RUN", "x", "--do", "light=1", "--do", "light=2"),
            "do light = 1, another do light = 2; keep one",
        ),
        (("edit", "RUN", "x", "--set", "angle=1", "--set", "angle=2"), "set angle = 1, another set angle = 2"),
        (("edit", "RUN", "x", "--freeze", "angle", "--freeze", "angle"), "says freeze angle, another freeze angle"),
        (("edit", "RUN", "x", "--cut", "a>b", "--cut", "a > b"), "says cut a>b, another cut a>b"),
        (("edit", "RUN", "x", "--add", "a>b=1", "--add", "a>b=2"), "add a>b with weight 1, another add a>b with"),
        (("edit", "RUN", "x", "--set", "angle=1", "--do", "angle=2"), "says do angle = 2, another set angle = 1"),
        (
            ("edit", "RUN", "x", "--cut", "light>shadow_length", "--freeze", "shadow_length"),
            "cut light>shadow_length has no effect, as freeze shadow_length leaves no trained causes; keep one of them",
        ),
        (("edit", "RUN", "x", "--add", "light>angle=1", "--do", "angle=1"), "has no effect, as do angle = 1 leaves no"),
        (("edit", "RUN", "x", "--cut", "a>b", "--set", "b=2*c"), "cut a>b has no effect, as set b = 2*c leaves no"),
        (
            ("edit", "RUN", "x", "--set", "shadow_length=4 + 1000*light", "--out", "x.png"),
            "is too far beyond what the model was trained on",
        ),
        (("edit", "RUN", "x", "--freeze", "shadow"), "unknown concept 'shadow'"),
        (("edit", "RUN", "../x", "--freeze", "light"), "is no name for an edit"),
    ],
)
def test_a_question_that_has_no_answer_is_refused(
    program: Program, causal_folder: Path, options: tuple[str, ...], message: str
) -> None:
    assert message in told(program("causal", *(str(causal_folder) if item == "RUN" else item for item in options)))
    assert not Path("x.png").exists()


def test_what_needs_another_kind_of_run_says_so(program: Program, causal_folder: Path) -> None:
    old = str(Path(__file__).parents[2] / "fixtures" / "old_run")
    assert "has no concepts that could be set" in told(program("causal", "do", old, "light=20", "--out", "x.png"))
    folder = str(causal_folder)
    for command in (("check", folder), ("operators", folder), ("compose", "flip_lr", "--model", folder)):
        assert "is a causal model" in told(program(*command))


def test_a_graph_is_drawn_with_letters() -> None:
    graph = CausalGraph.parse(
        EDGES + ", shadow_length>shadow_position", ["light", "angle", "shadow_length", "shadow_position"]
    )
    assert graph_lines(graph) == [
        "light",
        "angle",
        "light         ─┐",
        "angle         ─┴─> shadow_length",
        "light         ─┐",
        "angle         ─┤",
        "shadow_length ─┴─> shadow_position",
    ]
    assert graph_lines(CausalGraph.parse("a>b", "ab"), {("a", "b"): -0.5}) == ["a", "a (-0.500) ───> b"]


def test_what_is_written_is_read() -> None:
    assert values_in(" light = 20, angle=-1e1 ") == {"light": 20.0, "angle": -10.0}
    assert (share_in("10%"), share_in("0.1"), share_in("1")) == (0.1, 0.1, 1.0)
    edits = edits_in(["a > b"], ["a>c=-0.5"], ["d = 4 - 0.5*a"], ["e, f"], ["g=1,h=2"])
    assert list(map(str, edits)) == [
        "cut a>b",
        "freeze e",
        "freeze f",
        "do g = 1",
        "do h = 2",
        "set d = 4 - 0.5*a",
        "add a>c with weight -0.5",
    ]
    assert len(edits_in(["a>b"], ["a>b=1"], [], [], [])) == 2  # in place of what was trained
    for wrong in ("", "a=", "=3", "a=b"):
        with pytest.raises(AugalgebraError, match="write"):
            values_in(wrong)
