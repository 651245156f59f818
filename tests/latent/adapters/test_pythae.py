"""Autoencoders that pythae saved: made by the package itself, read without it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from latent_contract import assert_latent_space
from torch import nn

from augalgebra.errors import AugalgebraError, ImageError, SpaceError, UnknownNameError
from augalgebra.latent import GridSpace, PythaeSpace, open_pythae, open_space

models = pytest.importorskip("pythae.models")
SHAPE = (1, 8, 6)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.manual_seed(0)
    folders = {}
    for name in ("VAE", "AE", "BetaTCVAE", "WAE_MMD", "RHVAE", "FactorVAE", "VQVAE", "SVAE", "VAE_IAF"):
        config = getattr(models, f"{name}{'_' * ('_' in name)}Config")(input_dim=SHAPE, latent_dim=4)
        folders[name] = tmp_path_factory.mktemp(name)
        getattr(models, name)(config).save(str(folders[name]))
    return folders


@pytest.mark.parametrize("name", ["VAE", "AE", "BetaTCVAE", "WAE_MMD", "RHVAE", "FactorVAE"])
def test_a_model_encodes_and_decodes_as_in_pythae(saved: dict[str, Path], name: str) -> None:
    space = open_space(f"pythae:{saved[name]}")
    images = torch.rand(3, *SHAPE)
    assert not isinstance(space, GridSpace)
    assert_latent_space(space, images)
    model = models.AutoModel.load_from_folder(str(saved[name])).eval()
    with torch.no_grad():
        expected = model.encoder(images).embedding
        drawn = model.decoder(expected)["reconstruction"]
    torch.testing.assert_close(space.encode(images), expected)
    torch.testing.assert_close(space.decode(expected), drawn)


@pytest.mark.parametrize(("name", "reason"), [("VQVAE", "table"), ("SVAE", "sphere"), ("VAE_IAF", "flow")])
def test_codes_that_are_no_plain_vectors_are_refused_with_the_reason(
    saved: dict[str, Path], name: str, reason: str
) -> None:
    with pytest.raises(SpaceError, match=f"no autoencoder of plain vectors: {name}_?Config, .*{reason}"):
        open_pythae(saved[name])


def test_the_package_is_not_needed(saved: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pythae", None)
    assert open_pythae(saved["VAE"]).dim == 4


class _Wide(nn.Module):
    """An encoder of one's own, which answers a table as those of pythae do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(48, 4)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"embedding": self.linear(images.flatten(1)), "log_covariance": torch.zeros(len(images), 4)}


def test_networks_of_ones_own_are_handed_over_and_never_unpickled(saved: dict[str, Path], tmp_path: Path) -> None:
    folder, own = tmp_path, _Wide()
    config = json.loads((saved["VAE"] / "model_config.json").read_text()) | {"uses_default_encoder": False}
    (folder / "model_config.json").write_text(json.dumps(config))
    (folder / "encoder.pkl").write_bytes(b"never read")
    weights = torch.load(saved["VAE"] / "model.pt", weights_only=True)["model_state_dict"]
    decoder = {name: tensor for name, tensor in weights.items() if name.startswith("decoder.")}
    encoder = {f"encoder.{name}": tensor for name, tensor in own.state_dict().items()}
    torch.save({"model_state_dict": encoder | decoder}, folder / "model.pt")
    with pytest.raises(SpaceError, match=r"nothing but weights is unpickled here; .*open_pythae\(folder, encoder="):
        open_pythae(folder)
    space = open_pythae(folder, encoder=_Wide())
    images = torch.rand(3, *SHAPE)
    assert_latent_space(space, images)
    assert torch.equal(space.encode(images), own(images)["embedding"])
    with pytest.raises(SpaceError, match=r"does not fit its model_config\.json: encoder\.bias is missing"):
        open_pythae(folder, encoder=nn.Linear(48, 4))


class _Harmful:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("harm"),)


def configure(**values: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        config = json.loads((folder / "model_config.json").read_text())
        (folder / "model_config.json").write_text(json.dumps(config | values))

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "model.pt").unlink(), r"model\.pt cannot be read \(No such file"),
        (lambda folder: (folder / "model_config.json").unlink(), r"cannot be read .*is this a folder of pythae\?"),
        (lambda folder: (folder / "model_config.json").write_text("{"), r"model_config\.json is damaged"),
        (lambda folder: (folder / "model.pt").write_bytes(b"PK"), r"model\.pt is"),
        (lambda folder: torch.save({"model_state_dict": _Harmful()}, folder / "model.pt"), "a pickle of more than"),
        (
            lambda folder: torch.save({"weights": {}}, folder / "model.pt"),
            "no weights by name under 'model_state_dict'",
        ),
        (configure(name="OurConfig"), "OurConfig, not known"),
        (configure(latent_dim=0), "latent_dim must be a whole number"),
        (configure(input_dim=[48]), "input_dim must be 3 whole numbers"),
        (configure(latent_dim=5), r"encoder\.embedding\.bias has shape \[4\], not \[5\]"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(
    saved: dict[str, Path],
    tmp_path: Path,
    damage: Callable[[Path], object],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in saved["VAE"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    damage(tmp_path)
    with pytest.raises(SpaceError, match=message) as raised:
        open_pythae(tmp_path)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "harm").exists()


def test_other_pictures_codes_and_heads_are_refused(saved: dict[str, Path]) -> None:
    space = open_pythae(saved["VAE"])
    assert isinstance(space, PythaeSpace)
    with pytest.raises(ImageError, match=r"expected pictures \[1, 8, 6\] in a batch, not shape \[1, 1, 6, 8\]"):
        space.encode(torch.rand(1, 1, 6, 8))
    with pytest.raises(AugalgebraError, match="4 coordinates, not 5"):
        space.decode(torch.rand(1, 5))
    with pytest.raises(UnknownNameError, match="unknown head 'other'"):
        space.decode(torch.rand(1, 4), "other")
