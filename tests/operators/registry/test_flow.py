"""Operators conjugated by a flow: planted curved ones are found, are exactly a group, and are kept in files."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from augalgebra.errors import AugalgebraError, FitError, StoreError
from augalgebra.operators import (
    FiniteGroup,
    FitOptions,
    OperatorRegistry,
    ViewMoments,
    build_representation,
    load_registry,
    relation_residuals,
    save_registry,
)
from augalgebra.operators.fits.charts import Flow, FlowShape
from augalgebra.operators.residuals import residual_on_codes

FLIPS = ["flip_lr", "flip_ud"]
DIM = 6


class Curved:
    """A latent space whose codes are those of flat ones, bent by a known warp."""

    dim = DIM

    def fingerprint(self):
        return "curved"


def bend(flat):
    """The warp: half of the coordinates moved by a curve of the others, then the other way round."""
    first, second = flat.chunk(2, dim=-1)
    second = second + 0.7 * first**2
    return torch.cat([first + 0.5 * torch.sin(2 * second), second], dim=-1)


@pytest.fixture(scope="module")
def planted(catalog):
    """Views, moments and codes: those learned from, and some that were not seen."""
    words = [catalog.word(word) for word in FLIPS]
    group = FiniteGroup.closure(catalog.system(*words), words)
    flat = torch.randn(1500, DIM, generator=torch.Generator().manual_seed(0))
    signs = torch.tensor(build_representation(group, DIM).matrices).float()
    codes = bend(flat @ signs)
    moments = ViewMoments(group.elements, DIM)
    moments.add(codes[:, :1200])
    return group.elements, moments, codes[:, :1200], codes[:, 1200:]


@pytest.fixture(scope="module")
def curved(catalog, planted):
    _, moments, codes, _ = planted
    registry = OperatorRegistry.of(Curved(), catalog)
    registry.fit(moments, FLIPS, "flow", FitOptions(steps=150, width=32), samples=codes)
    return registry


def unseen_error(registry, planted, word, *, reduce=True):
    views, _, _, unseen = planted
    pairs = [(views[0], next(view for view in views if view == registry.catalog.word(word)))]
    return residual_on_codes(registry.operator(word, reduce=reduce), unseen.numpy(), views, pairs).residual


class TestPlanted:
    def test_it_is_far_nearer_than_any_linear_map(self, catalog, planted, curved):
        linear = OperatorRegistry.of(Curved(), catalog)
        linear.fit(planted[1], FLIPS, "ridge")
        for word in FLIPS:
            found, best = unseen_error(curved, planted, word), unseen_error(linear, planted, word)
            assert found < 0.4 * best
            assert curved.entries[catalog.word(word)].provenance.residual < 0.5 * best

    def test_relations_hold_exactly_letter_by_letter(self, catalog, curved):
        for residual in relation_residuals(curved, catalog, curved.words):
            assert residual.residual < 1e-9
        codes = torch.randn(50, DIM)
        one, other = (curved.operator(word) for word in FLIPS)
        there = other.apply(one.apply(codes))
        assert torch.allclose(there, one.apply(other.apply(codes)), atol=1e-5)
        assert torch.allclose(one.apply(one.apply(codes)), codes, atol=1e-5)
        assert torch.allclose((~one).apply(one.apply(codes)), codes, atol=1e-5)
        assert not torch.allclose(one.apply(codes), codes, atol=0.1)

    def test_a_product_goes_through_the_flow_once(self, curved, monkeypatch):
        passes = []
        forward = Flow.forward
        monkeypatch.setattr(Flow, "forward", lambda self, codes: passes.append(1) or forward(self, codes))
        curved.operator("flip_lr * flip_ud * flip_lr", reduce=False).apply(torch.randn(3, DIM))
        assert len(passes) == 1
        assert curved.operator("flip_lr * flip_lr").is_identity

    def test_powers_are_taken_in_the_coordinates_of_the_flow(self, curved):
        codes, flip = torch.randn(20, DIM), curved.operator("flip_lr")
        assert (flip**2).is_identity
        assert (flip**3).distance(flip) == 0
        half = flip**0.5
        assert half.is_curved
        assert half.one_parameter
        assert torch.allclose(half.apply(half.apply(codes)), flip.apply(codes), atol=1e-5)
        assert half.distance(flip) > 0.1

    def test_codes_keep_their_type_and_their_gradients(self, curved):
        codes = torch.randn(4, DIM, requires_grad=True)
        moved = curved.operator("flip_lr").apply(codes)
        assert moved.dtype == torch.float32
        moved.sum().backward()
        assert codes.grad.abs().sum() > 0

    def test_what_asks_for_a_matrix_is_told_why_there_is_none(self, curved):
        with pytest.raises(
            AugalgebraError, match="flip_lr has no matrix: it is linear only in the coordinates of a flow"
        ):
            _ = curved.operator("flip_lr").matrix

    def test_new_linear_operators_do_not_go_together_with_it(self, catalog, curved):
        assert curved.known_group() is None


class TestRefusals:
    def test_what_has_no_inverse(self, catalog, planted):
        registry = OperatorRegistry.of(Curved(), catalog)
        with pytest.raises(FitError, match=r"blank has no inverse: .*'flow' does not fit it"):
            registry.fit(planted[1], ["flip_lr", "blank"], "flow", samples=planted[2])
        with pytest.raises(FitError, match="fade has only a right inverse"):
            registry.fit(planted[1], ["fade"], "flow", samples=planted[2])
        assert not registry.entries

    def test_what_makes_no_finite_group(self, catalog, planted):
        with pytest.raises(FitError, match="flow needs a finite group"):
            OperatorRegistry.of(Curved(), catalog).fit(planted[1], ["darken"], "flow", samples=planted[2])

    def test_moments_do_not_suffice(self, catalog, planted):
        with pytest.raises(FitError, match="the flow fit descends on the encodings themselves"):
            OperatorRegistry.of(Curved(), catalog).fit(planted[1], FLIPS, "flow")

    def test_codes_that_are_not_numbers(self, catalog, planted):
        _, moments, codes, _ = planted
        with pytest.raises(FitError, match="the flow diverged"):
            OperatorRegistry.of(Curved(), catalog).fit(moments, FLIPS, "flow", samples=codes * torch.nan)

    def test_one_coordinate(self):
        with pytest.raises(FitError, match="at least two latent coordinates"):
            FlowShape(1)


class TestStore:
    def test_what_is_read_back_moves_codes_alike(self, catalog, curved, tmp_path):
        save_registry(curved, tmp_path / "operators")
        again = load_registry(tmp_path / "operators", Curved(), catalog)
        codes = torch.randn(9, DIM)
        for word in [*FLIPS, "flip_lr * flip_ud"]:
            assert torch.equal(again.operator(word).apply(codes), curved.operator(word).apply(codes))
        assert again.to_dict() == curved.to_dict()
        one, other = (again.entries[word].chart for word in again.words)
        assert one is other
        save_registry(again, tmp_path / "again")
        assert (tmp_path / "again").read_bytes() == (tmp_path / "operators").read_bytes()

    @pytest.mark.parametrize("fault", ["wide", "lost", "infinite", "nameless"])
    def test_a_damaged_flow_is_refused(self, catalog, curved, tmp_path, fault):
        file = tmp_path / "operators"
        save_registry(curved, file)
        tensors, header = load(file.read_bytes()), None
        length = int.from_bytes(file.read_bytes()[:8], "little")
        header = json.loads(json.loads(file.read_bytes()[8 : 8 + length])["__metadata__"]["augalgebra"])
        (name,) = header["charts"]
        if fault == "wide":
            header["charts"][name]["width"] = 4096
        elif fault == "lost":
            del tensors[f"{name}/centre"]
        elif fault == "infinite":
            tensors[f"{name}/matrix"][0, 0] = np.inf
        else:
            header["charts"] = {"another": header["charts"][name]}
        file.write_bytes(save(tensors, metadata={"augalgebra": json.dumps(header)}))
        with pytest.raises(StoreError, match="does not hold the operators its header describes"):
            load_registry(file, Curved(), catalog)

    def test_an_older_version_does_not_take_it_for_linear_operators(self, curved, tmp_path):
        save_registry(curved, tmp_path / "operators")
        assert b'\\"format\\": 2' in (tmp_path / "operators").read_bytes()
