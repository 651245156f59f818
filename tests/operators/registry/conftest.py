"""The registry on a second latent space, PCA on handwritten digits, with the symmetries of the square as views."""

import augalg_dihedral
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

import augalgebra as aa
from augalgebra.catalog import Settings, load_catalog
from augalgebra.operators import FiniteGroup, OperatorRegistry, ViewMoments

WORDS = ["flip_lr", "rotate_cw"]


class Extra:
    """Some augmentations that the square knows nothing of."""

    @aa.hookimpl
    def augalg_register(self, register):
        @register("extra.darken", inverse="brighten", commutes_with=["flip_lr", "rotate_cw"])
        def darken(x):
            return x / 2

        @register("extra.brighten", inverse="darken")
        def brighten(x):
            return x * 2

        @register("extra.negate", inverse="self", commutes_with=["flip_lr", "rotate_cw", "extra.darken"])
        def negate(x):
            return 1 - x

        @register("extra.blank", inverse="none", commutes_with=["flip_lr", "rotate_cw"])
        def blank(x):
            return x.mean((1, 2, 3), keepdim=True).expand_as(x)

        @register("extra.mystery")
        def mystery(x):
            return (x**2 + x) / 2

        @register("extra.left", inverse="self")
        def left(x):
            return x

        @register("extra.right", inverse="self", laws=["(left * right)^3 ≈ id"])
        def right(x):
            return x

        @register("extra.wobble", period=5, approximate=0.2)
        def wobble(x):
            return x.roll(1, -1)

        @register("extra.fade", inverse="extra.unfade", inverse_kind="right")
        def fade(x):
            return x * 0.9

        @register("extra.unfade")
        def unfade(x):
            return x / 0.9


class PCASpace:
    """Principal components as a latent space."""

    heads = ("main",)
    image_shape = (1, 8, 8)

    def __init__(self, dim, images):
        self.dim = dim
        self.model = PCA(dim, svd_solver="full").fit(images.reshape(len(images), -1).double().numpy())

    def encode(self, images):
        return torch.from_numpy(self.model.transform(images.reshape(len(images), -1).double().numpy())).float()

    def decode(self, latents, head="main"):
        assert head in self.heads
        drawn = self.model.inverse_transform(latents.double().numpy())
        return torch.from_numpy(drawn).float().clamp(0, 1).reshape(-1, *self.image_shape)

    def fingerprint(self):
        return f"pca-{self.dim}-{abs(self.model.components_).sum():.9f}"


@pytest.fixture(scope="session")
def pca_space():
    """The latent space itself, to make one of other images."""
    return PCASpace


@pytest.fixture(scope="session")
def encode_views():
    """What makes moments and codes of views."""
    return encoded


@pytest.fixture(scope="session")
def digits():
    return torch.from_numpy(load_digits().images / 16).float()[:, None]


@pytest.fixture(scope="session")
def catalog():
    loaded = load_catalog(Settings(), modules=[augalg_dihedral, Extra()], installed=False)
    assert all(info.status == "loaded" for info in loaded.plugins)
    return loaded


@pytest.fixture(scope="session")
def square(catalog):
    generators = [catalog.word(word) for word in WORDS]
    return FiniteGroup.closure(catalog.system(*generators), generators)


def encoded(space, catalog, words, images):
    moments = ViewMoments(words, space.dim)
    latents = torch.stack([space.encode(catalog.apply(word, images)) for word in words])
    moments.add(latents)
    return moments, latents


@pytest.fixture(scope="session")
def space(digits, catalog, square):
    """Components of all eight views: the square acts on them exactly."""
    return PCASpace(16, torch.cat([catalog.apply(word, digits) for word in square.elements]))


@pytest.fixture(scope="session")
def upright(digits):
    """Components of upright digits only, as an encoder that was never told of the square."""
    return PCASpace(24, digits)


@pytest.fixture(scope="session")
def views(space, catalog, square, digits):
    return encoded(space, catalog, square.elements, digits)


@pytest.fixture(scope="session")
def upright_views(upright, catalog, square, digits):
    return encoded(upright, catalog, square.elements, digits)


@pytest.fixture
def registry(space, catalog, views):
    registry = OperatorRegistry.of(space, catalog)
    registry.fit(views[0], WORDS)
    return registry
