import json
import os
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import augalgebra as aa
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError, RunError, StaleOperatorError, StoreError, UnknownNameError
from augalgebra.latent import LAVAE
from augalgebra.latent.likelihoods import greyness
from augalgebra.operators import OperatorRegistry
from augalgebra.runs.added_heads import transfer
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.runs.storage.toml import to_toml
from augalgebra.training.loop import TrainingError
from augalgebra.training.progress import Report
from augalgebra.training.settings import TrainSettings, default_epochs

CATALOG = aa.load_catalog()
TINY = TrainSettings(dim=4, width=4, epochs=3, batch_size=8, seed=1)


def tiny_data(count: int = 24) -> Dataset:
    digits = load_data()
    cut = [Split(part.images[:count], part.labels[:count], part.first) for part in (digits.train, digits.test)]
    return Dataset("digits", *cut)


DATA = tiny_data()


def trained(folder: Path, settings: TrainSettings = TINY, **more: object) -> Run:
    return train(folder, settings, CATALOG, data=DATA, **more)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def without_digests(folder: Path) -> None:
    """Make a run of the form that they had before their files had digests."""
    record = folder / "run.toml"
    record.write_text(re.sub(r"\n\[files\]\n[^\[]*", "", record.read_text()))


def stop_at(step: int):
    def progress(report: Report) -> None:
        if report.step == step:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("preset", ["faithful", "equivariant"])
def test_two_runs_with_one_seed_give_equal_files(tmp_path: Path, preset: str) -> None:
    settings = replace(TINY, preset=preset, epochs=1)
    trained(tmp_path / "a", settings)
    trained(tmp_path / "b", settings)
    trained(tmp_path / "c", replace(settings, seed=2))
    first, second, other = (files(tmp_path / name) for name in "abc")
    assert {"run.toml", "model.safetensors", "operators.safetensors", "metrics.jsonl"} == set(first)
    assert first == second
    assert all(first[name] != other[name] for name in first)


@pytest.mark.parametrize(("preset", "fit"), [("faithful", "representation+decoder"), ("equivariant", "representation")])
def test_only_an_encoder_that_knew_no_operators_needs_a_readout(tmp_path: Path, preset: str, fit: str) -> None:
    run = trained(tmp_path / "run", replace(TINY, preset=preset, epochs=1))
    assert {fit} == {entry.provenance.fit for entry in run.registry.entries.values()}


def test_a_run_that_is_stopped_in_stage_2_is_resumed_to_the_same_files(tmp_path: Path) -> None:
    settings = replace(TINY, preset="faithful", epochs=1)

    def stop(report: Report) -> None:
        if report.stage == "stage 2" and report.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "a", settings, progress=stop)
    assert Run.load(tmp_path / "a", CATALOG).ended == "unfinished"
    trained(tmp_path / "a", settings, resume=True)
    trained(tmp_path / "b", settings)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_a_run_is_read_back_as_it_was(tmp_path: Path) -> None:
    run = trained(tmp_path / "run")
    loaded = Run.load(tmp_path / "run", CATALOG)
    assert run.settings == loaded.settings
    assert (9, "limit", {}) == (loaded.steps, loaded.ended, loaded.transfers)
    assert run.space.fingerprint() == loaded.space.fingerprint()
    assert run.metrics == loaded.metrics
    assert run.data == loaded.data
    for word in ("flip_lr", "flip_lr * flip_ud"):
        assert run.registry.operator(word).matrix.tolist() == loaded.registry.operator(word).matrix.tolist()


def test_the_record_says_what_was_done(tmp_path: Path) -> None:
    trained(tmp_path / "run")
    record = tomllib.loads((tmp_path / "run" / "run.toml").read_text())
    assert ["flip_lr", "flip_ud"] == record["settings"]["augmentations"]
    assert {
        "name": "digits",
        "fingerprint": DATA.fingerprint,
        "train": 24,
        "test": 24,
        "image_shape": [1, 28, 28],
    } == record["data"]
    assert torch.__version__ == record["versions"]["torch"]
    metrics = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [("stage 1", epoch, 3 * epoch) for epoch in (1, 2, 3)] == [
        (m["stage"], m["epoch"], m["steps"]) for m in metrics
    ]
    assert all(m["loss"] == pytest.approx(sum(m["terms"].values())) for m in metrics)


@pytest.mark.parametrize("step", [1, 3, 5])
def test_an_interrupted_run_is_usable_and_resumes_to_the_same_files(tmp_path: Path, step: int) -> None:
    trained(tmp_path / "whole")
    run = trained(tmp_path / "run", progress=stop_at(step))
    assert ("interrupted", step) == (run.ended, run.steps)
    loaded = Run.load(tmp_path / "run", CATALOG)
    moved = loaded.registry.operator("flip_lr").apply(loaded.space.encode(torch.zeros(1, 1, 28, 28)))
    assert (1, 1, 28, 28) == tuple(loaded.space.decode(moved).shape)
    assert files(tmp_path / "whole") != files(tmp_path / "run")
    resumed = trained(tmp_path / "run", resume=True)
    assert "limit" == resumed.ended
    assert files(tmp_path / "whole") == files(tmp_path / "run")


def test_a_run_cut_off_before_stage_2_loads_without_operators(tmp_path: Path) -> None:
    run = trained(tmp_path / "run")
    run.ended, run.registry = "unfinished", OperatorRegistry.of(run.space, CATALOG)
    run.save()
    assert not (tmp_path / "run" / "operators.safetensors").exists()
    loaded = Run.load(tmp_path / "run", CATALOG)
    assert 0 == len(loaded.registry)
    with pytest.raises(AugalgebraError, match="flip_lr"):
        loaded.registry.operator("flip_lr")


def test_checkpoints_are_written_while_training(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("augalgebra.runs.stages._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    folder, seen = tmp_path / "run", []

    def kill(report: Report) -> None:
        if report.step == 7:
            seen.append(Run.load(folder, CATALOG).steps)
            raise RuntimeError("as if the process had been killed")

    with pytest.raises(RuntimeError):
        trained(folder, progress=kill)
    assert [6] == seen
    trained(folder, resume=True)
    trained(tmp_path / "whole")
    assert files(tmp_path / "whole") == files(folder)


def test_a_warming_weight_resumes_where_it_was(tmp_path: Path) -> None:
    warming = replace(TINY, kl_warmup=0.8)
    trained(tmp_path / "whole", warming)
    trained(tmp_path / "cut", warming, progress=stop_at(4))
    trained(tmp_path / "cut", warming, resume=True)
    whole = files(tmp_path / "whole")
    assert whole == files(tmp_path / "cut")
    trained(tmp_path / "plain")
    assert whole["model.safetensors"] != files(tmp_path / "plain")["model.safetensors"]


def test_only_an_interrupted_run_with_the_same_settings_can_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"there is no run in .*none to resume"):
        trained(tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()
    trained(tmp_path / "run", progress=stop_at(2))
    with pytest.raises(RunError, match="trained with seed = 1, not 5"):
        trained(tmp_path / "run", replace(TINY, seed=5), resume=True)
    with pytest.raises(RunError, match="trained with fingerprint"):
        train(tmp_path / "run", TINY, CATALOG, data=tiny_data(20), resume=True)
    trained(tmp_path / "run", resume=True)
    with pytest.raises(RunError, match="nothing to resume"):
        trained(tmp_path / "run", resume=True)


def test_a_run_is_only_replaced_if_asked(tmp_path: Path) -> None:
    trained(tmp_path / "run")
    before = files(tmp_path / "run")
    with pytest.raises(RunError, match=r"there is a run in .* already"):
        trained(tmp_path / "run", replace(TINY, seed=2))
    assert before == files(tmp_path / "run")
    trained(tmp_path / "run", replace(TINY, seed=2), overwrite=True)
    other = trained(tmp_path / "other", replace(TINY, seed=2))
    assert Run.load(tmp_path / "run", CATALOG).space.fingerprint() == other.space.fingerprint()
    assert before.keys() == files(tmp_path / "run").keys()


def test_divergence_keeps_the_last_good_state(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="stage 1 diverged"):
        trained(tmp_path / "run", replace(TINY, learning_rate=1e6, epochs=20, precision="float32"))
    loaded = Run.load(tmp_path / "run", CATALOG)
    assert "diverged" == loaded.ended
    assert all(bool(torch.isfinite(tensor).all()) for tensor in loaded.space.state_dict().values())


def test_files_of_different_runs_are_not_mixed(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    trained(first)
    trained(second, replace(TINY, seed=2))
    (first / "operators.safetensors").replace(first / "kept")
    (first / "operators.safetensors").write_bytes((second / "operators.safetensors").read_bytes())
    with pytest.raises(RunError, match=r"operators\.safetensors is damaged or of another run"):
        Run.load(first, CATALOG)
    without_digests(first)
    with pytest.raises(StaleOperatorError, match="another encoder"):
        Run.load(first, CATALOG)
    (first / "kept").replace(first / "operators.safetensors")
    (first / "model.safetensors").write_bytes((second / "model.safetensors").read_bytes())
    with pytest.raises(RunError, match="files of different runs were mixed"):
        Run.load(first, CATALOG)


def test_another_dimension_is_refused(tmp_path: Path) -> None:
    trained(tmp_path / "run")
    without_digests(tmp_path / "run")
    text = (tmp_path / "run" / "run.toml").read_text()
    (tmp_path / "run" / "run.toml").write_text(text.replace("dim = 4", "dim = 5"))
    with pytest.raises(RunError, match=r"with 4 coordinates, not .* with 5"):
        Run.load(tmp_path / "run", CATALOG)


def test_what_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(RunError, match="is no run folder"):
        Run.load(folder, CATALOG)
    trained(folder)
    whole = files(folder)
    for name in ("model.safetensors", "operators.safetensors", "metrics.jsonl"):
        (folder / name).unlink()
        with pytest.raises(RunError, match=re.escape(f"{name} is missing")):
            Run.load(folder, CATALOG)
        (folder / name).write_bytes(whole[name])
    for name, rubbish in (("run.toml", b"a = ["), ("metrics.jsonl", b"{"), ("model.safetensors", b"x" * 100)):
        (folder / name).write_bytes(rubbish)
        with pytest.raises(RunError, match=re.escape(f"{name} is damaged")):
            Run.load(folder, CATALOG)
        (folder / name).write_bytes(whole[name])
    without_digests(folder)
    for name, error in (("model.safetensors", RunError), ("operators.safetensors", StoreError)):
        (folder / name).unlink()
        with pytest.raises(error, match=re.escape(f"{name} is missing")):
            Run.load(folder, CATALOG)
        (folder / name).write_bytes(whole[name])
    (folder / "run.toml").write_text("[settings]\n")
    with pytest.raises(RunError, match=r"run.toml is incomplete: 'run' is missing"):
        Run.load(folder, CATALOG)


@pytest.mark.parametrize("mode", ["extend", "relabel"])
def test_a_transfer_adds_a_head_and_changes_nothing_else(tmp_path: Path, mode: str) -> None:
    trained(tmp_path / "run")
    run = Run.load(tmp_path / "run", CATALOG)
    weights = {name: tensor.clone() for name, tensor in run.space.state_dict().items()}
    matrices = {word: run.registry.operator(word).matrix.copy() for word in run.registry.words}
    added = transfer(run, ["invert", "roll(1, 0)"], mode=mode, epochs=2, data=DATA)

    loaded = Run.load(tmp_path / "run", CATALOG)
    assert ("main", "invert-roll_1_0") == loaded.space.heads
    state = loaded.space.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in weights.items())
    for word, matrix in matrices.items():
        assert matrix.tolist() == loaded.registry.operator(word).matrix.tolist()
    assert {added.head: added} == loaded.transfers
    assert ("invert" in loaded.registry) == (mode == "extend")
    expected = ["flip_lr", "flip_ud"] if mode == "relabel" else ["invert", "roll(1, 0)"]
    assert [str(CATALOG.word(name)) for name in expected] == list(added.meanings.values())
    assert ["stage 3"] * 2 == [entry["stage"] for entry in loaded.metrics[3:]]


def test_transfers_repeat_themselves_and_need_the_same_data(tmp_path: Path) -> None:
    for name in "ab":
        transfer(trained(tmp_path / name), ["canny"], epochs=1, data=DATA)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    run = Run.load(tmp_path / "a", CATALOG)
    with pytest.raises(RunError, match=r"not what .* was trained on"):
        transfer(run, ["canny"], head="more", data=tiny_data(20))
    with pytest.raises(AugalgebraError, match="a head 'canny' already"):
        transfer(run, ["canny"], epochs=1, data=DATA)
    with pytest.raises(AugalgebraError, match="2 trained operators"):
        transfer(run, ["canny", "invert", "shear_x"], mode="relabel", head="three", epochs=1, data=DATA)
    with pytest.raises(AugalgebraError, match="learning_rate must be larger than 0, not -1"):
        transfer(run, ["canny"], head="back", learning_rate=-1, epochs=1, data=DATA)
    assert ("main", "canny") == run.space.heads


class Decoders:
    @aa.hookimpl
    def augalg_heads(self):
        def linear(image_shape, dim):
            return torch.nn.Sequential(
                torch.nn.Linear(dim, image_shape[1] * image_shape[2]), torch.nn.Unflatten(1, image_shape)
            )

        return {"acme.linear": linear}


def test_a_head_of_a_plugin_is_trained_and_needs_the_plugin_again(tmp_path: Path) -> None:
    trained(tmp_path / "run")
    catalog = aa.load_catalog(modules=[Decoders()])
    run = Run.load(tmp_path / "run", catalog)
    before = {name: tensor.clone() for name, tensor in run.space.state_dict().items()}
    with pytest.raises(UnknownNameError, match=r"unknown decoder 'acme.liner'; did you mean acme.linear\?"):
        transfer(run, ["invert"], decoder="acme.liner", epochs=1, data=DATA)
    assert ("main",) == run.space.heads
    transfer(run, ["invert"], decoder="acme.linear", epochs=2, data=DATA)
    losses = [entry["loss"] for entry in run.metrics if entry["stage"] == "stage 3"]
    assert losses[1] < losses[0]

    loaded = Run.load(tmp_path / "run", catalog)
    state = loaded.space.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in before.items())
    assert {"invert": "acme.linear"} == loaded.space.head_kinds
    codes = torch.zeros(1, TINY.dim)
    assert torch.equal(run.space.decode(codes, "invert"), loaded.space.decode(codes, "invert"))
    with pytest.raises(RunError, match=r"made by the decoder 'acme.linear' of a plugin that is not here") as caught:
        Run.load(tmp_path / "run", CATALOG)
    assert "\n" not in str(caught.value)


def test_settings_take_what_is_open_from_the_preset() -> None:
    images = DATA.train.images
    faithful = TrainSettings(preset="faithful", batch_size=5).for_images(images)
    assert (64, 1e-3, 5, 0.0) == (faithful.width, faithful.learning_rate, faithful.batch_size, faithful.warmup)
    usual = TrainSettings().for_images(images)
    assert (16, 32, 8e-3, 32, 0.1) == (usual.dim, usual.width, usual.learning_rate, usual.batch_size, usual.warmup)
    assert usual == usual.for_images(torch.full((9, 3, 64, 64), 128, dtype=torch.uint8))
    assert faithful == TrainSettings.from_dict(faithful.to_dict())
    assert (100, 42, 10) == (
        default_epochs("faithful", 60_000),
        default_epochs("equivariant", 1442),
        default_epochs("equivariant", 60_000),
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"preset": "equivarant"}, "no preset 'equivarant'; there are equivariant, faithful. Did you mean equivariant"),
        ({"precision": "float16"}, "no precision 'float16'"),
        ({"dim": -1}, "dim must be larger than 0, or 0 for the usual value, not -1"),
        ({"learning_rate": -1e-3}, "learning_rate must be larger than 0"),
        ({"likelihood": "gausian"}, r"no likelihood 'gausian'; .* Did you mean gaussian\?"),
        ({"epochs": -1}, "epochs must be larger than 0"),
        ({"seed": -1}, "a seed is a whole number from 0"),
        ({"seconds": float("nan")}, "seconds must be a finite number"),
        ({"kl_weight": -1.0}, "kl_weight must be a finite number of at least 0"),
        ({"kl_warmup": 1.5}, "kl_warmup is a fraction of stage 1, from 0 to 1, not 1.5"),
        ({"kl_warmup": float("nan")}, "kl_warmup must be a finite number"),
        ({"sed": 1}, "no setting 'sed'; did you mean seed"),
    ],
)
def test_impossible_settings_are_refused(values: dict, message: str) -> None:
    with pytest.raises(AugalgebraError, match=message):
        TrainSettings.from_dict(values)


def test_settings_that_could_not_be_read_again_are_refused_at_once() -> None:
    with pytest.raises(AugalgebraError, match=r"epochs must be a whole number, not 1\.5"):
        TrainSettings(epochs=1.5)  # type: ignore[arg-type]
    with pytest.raises(AugalgebraError, match="a seed is a whole number from 0"):
        TrainSettings(seed=2**64)


def test_toml_is_what_the_standard_library_reads() -> None:
    tables = {
        ("plain",): {
            "text": 'quoted "ü" \\ \n',
            "number": 1,
            "half": 0.5,
            "small": 1e-16,
            "yes": True,
            "list": ["a", "b"],
        },
        ("nested", "shear_x-canny"): {"empty": []},
        ("nested", "a.b c"): {"tuple": (1, 2)},
    }
    expected = {
        "plain": tables["plain",],
        "nested": {"shear_x-canny": {"empty": []}, "a.b c": {"tuple": [1, 2]}},
    }
    assert expected == tomllib.loads(to_toml(tables))


@pytest.mark.skipif(not os.environ.get("AUGALG_DATA"), reason="MNIST is not part of this project; set AUGALG_DATA")
def test_mnist_trains_too(tmp_path: Path) -> None:
    mnist = load_data("mnist")
    cut = Dataset(
        "mnist", *(Split(part.images[:64], part.labels[:64], part.first) for part in (mnist.train, mnist.test))
    )
    run = train(tmp_path / "run", replace(TINY, data="mnist", epochs=1), CATALOG, data=cut)
    assert ("limit", 8) == (run.ended, run.steps)
    assert isinstance(run.space, LAVAE)


def colour(count: int = 30, size: int = 12, seed: int = 0) -> Dataset:
    """Smooth pictures in colour: so much of one shade, a slope to the right, one downwards, and their product."""
    generator = torch.Generator().manual_seed(seed)
    slope = torch.linspace(-1, 1, size)
    across, down = slope.expand(size, size), slope[:, None].expand(size, size)
    shades = torch.randn(4, 3, 1, 1, generator=generator)
    patterns = shades * torch.stack([torch.ones_like(across), across, down, across * down])[:, None]
    weights = torch.randn(count, 4, generator=generator)
    images = (torch.einsum("nk,kchw->nchw", weights, patterns).sigmoid() * 255).byte()
    labels = torch.zeros(count, dtype=torch.int64)
    cut = count * 4 // 5
    return Dataset("colour", Split(images[:cut], labels[:cut]), Split(images[cut:], labels[cut:], cut))


def test_images_decide_on_the_likelihood_unless_it_is_named() -> None:
    pictures = colour(size=64).train.images
    for data in ("digits", "glyphs"):
        assert "bernoulli" == TrainSettings().for_images(load_data(data).train.images).likelihood
    chosen = TrainSettings().for_images(pictures)
    assert ("gaussian", 128, 32, 3.5e-3) == (chosen.likelihood, chosen.dim, chosen.batch_size, chosen.learning_rate)
    assert 32 == TrainSettings().for_images(pictures[:, :1, :28, :28]).dim
    named = TrainSettings(likelihood="bernoulli").for_images(pictures)
    assert ("bernoulli", 16, 8e-3) == (named.likelihood, named.dim, named.learning_rate)


@pytest.mark.parametrize(("shade", "bits"), [(0, 0.0), (255, 0.0), (128, 1.0), (64, 0.81)])
def test_greyness_is_the_entropy_of_a_pixel_in_bits(shade: int, bits: float) -> None:
    assert greyness(torch.full((3, 3, 2, 2), shade, dtype=torch.uint8)) == pytest.approx(bits, abs=0.005)


def test_a_gaussian_run_keeps_its_likelihood_and_learns(tmp_path: Path) -> None:
    data = colour()
    run = train(
        tmp_path / "run", TrainSettings(width=8, dim=6, epochs=40, batch_size=8, learning_rate=2e-2), CATALOG, data=data
    )
    loaded = Run.load(tmp_path / "run", CATALOG)
    assert ("gaussian", "gaussian") == (loaded.settings.likelihood, loaded.space.likelihood.name)
    assert 'likelihood = "gaussian"' in (tmp_path / "run" / "run.toml").read_text()
    images = data.test.batch(slice(None))[0]
    mean = data.train.images.float().mean(0, keepdim=True) / 255
    with torch.no_grad():
        drawn = run.space.decode(run.space.encode(images))
    assert float((drawn - images).square().mean()) < 0.6 * float((mean - images).square().mean())
    first, *_, last = [entry["terms"]["reconstruction"] for entry in run.metrics if entry["stage"] == "stage 1"]
    assert last < first - 50
