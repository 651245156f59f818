import json
import struct
from dataclasses import replace

import augalg_dihedral
import numpy as np
import pytest
import torch
from safetensors import safe_open

import augalgebra as aa
from augalgebra.catalog import Catalog, Settings, load_catalog
from augalgebra.errors import AugalgebraError, StaleOperatorError, StoreError
from augalgebra.operators import (
    FiniteGroup,
    OperatorRegistry,
    ViewMoments,
    build_representation,
    load_registry,
    save_registry,
)

DIM = 6


class Spin:
    @aa.hookimpl
    def augalg_register(self, register):
        @register("extra.spin", additive="degrees")
        def spin(x, degrees: float):
            return x

        @register("extra.shake", params=[aa.Param("amount", draw=aa.uniform(0, 1))])
        def shake(x, amount):
            return x


class Space:
    dim = DIM

    def __init__(self, fingerprint="0123456789abcdef"):
        self.digest = fingerprint

    def fingerprint(self):
        return self.digest


@pytest.fixture(scope="module")
def catalog():
    return load_catalog(Settings(), modules=[augalg_dihedral, Spin()], installed=False)


@pytest.fixture(scope="module")
def registry(catalog):
    """Operators of every kind: exact with shift and readout, held without, ridge, drawn parameter, family."""
    registry = OperatorRegistry.of(Space(), catalog)
    generators = [catalog.word("flip_lr"), catalog.word("rotate_cw")]
    group = FiniteGroup.closure(catalog.system(*generators), generators)
    words = [*group.elements, *map(catalog.word, ("shake", "spin(10)", "spin(25.5)"))]
    generator = np.random.default_rng(0)
    moments = ViewMoments(words, DIM)
    moments.add(generator.standard_normal((len(words), 200, DIM)) + generator.standard_normal((200, DIM)) + 1)
    registry.fit(moments, generators, "representation+readout")
    registry.fit(moments, ["shake"])
    registry.fit_family(moments, "spin(10)")
    flips = [catalog.word("flip_ud"), catalog.word("rotate_180")]
    registry.set_matrices(build_representation(FiniteGroup.closure(catalog.system(*flips), flips), DIM))
    return registry


@pytest.fixture
def path(tmp_path, registry):
    save_registry(registry, tmp_path / "operators.safetensors")
    return tmp_path / "operators.safetensors"


def test_what_is_read_is_equal_bit_for_bit(registry, path, catalog):
    found = load_registry(path, Space(), catalog)
    assert found.to_dict() == registry.to_dict()
    assert list(found.entries) == list(registry.entries)
    for word, entry in registry.entries.items():
        other = found.entries[word]
        assert entry.map.matrix.tobytes() == other.map.matrix.tobytes()
        assert entry.map.shift.tobytes() == other.map.shift.tobytes()
        assert (entry.readout is None) == (other.readout is None)
        if entry.readout is not None:
            assert entry.readout.map.matrix.tobytes() == other.readout.map.matrix.tobytes()
    for key, family in registry.families.items():
        assert family.family == found.families[key].family
        assert family.operator.generator.tobytes() == found.families[key].operator.generator.tobytes()
        assert family.operator.drift.tobytes() == found.families[key].operator.drift.tobytes()
    for text in ("flip_lr * rotate_cw", "flip_ud * shake * spin(3)", "spin(-7.25)^-2", "rotate_cw * flip_lr * shake"):
        first, second = registry.operator(text), found.operator(text)
        assert first.matrix.tobytes() == second.matrix.tobytes()
        assert first.shift.tobytes() == second.shift.tobytes()
        codes = torch.ones(2, DIM)
        assert torch.equal(first.apply(codes), second.apply(codes))


def test_equal_registries_give_equal_files(path, catalog, tmp_path):
    save_registry(load_registry(path, Space(), catalog), tmp_path / "again")
    assert path.read_bytes() == (tmp_path / "again").read_bytes()


def test_the_file_is_plain_safetensors_with_a_tensor_for_each_operator(path):
    with safe_open(path, framework="np") as file:
        header = json.loads(file.metadata()["augalgebra"])
        assert set(file.metadata()) == {"augalgebra"}
        shapes = {name: file.get_tensor(name).shape for name in file.keys()}  # noqa: SIM118 - no mapping
    assert shapes == {
        "dihedral.flip_lr": (7, 6),
        "dihedral.rotate_cw": (7, 6),
        "readout(dihedral.flip_lr, dihedral.rotate_cw)": (7, 6),
        "extra.shake(extra.shake.amount)": (7, 6),
        "extra.spin(·)": (7, 6),
        "dihedral.flip_ud": (6, 6),
        "dihedral.rotate_180": (6, 6),
    }
    assert (header["dim"], header["encoder"], header["format"]) == (DIM, "0123456789abcdef", 1)
    provenance = header["operators"][0]["provenance"]
    assert provenance.keys() >= {"name", "plugin", "version", "laws", "fit", "encoder", "residual", "rank", "condition"}


def test_an_empty_registry_round_trips(catalog, tmp_path):
    save_registry(OperatorRegistry.of(Space(), catalog), tmp_path / "x")
    assert len(load_registry(tmp_path / "x", Space(), catalog)) == 0


def test_another_dimension_is_refused(path, catalog):
    other = Space()
    other.dim = 16
    with pytest.raises(StoreError, match="holds operators on 6 latent coordinates, but this latent space has 16"):
        load_registry(path, other, catalog)


def test_another_encoder_is_refused_by_name_unless_accepted(path, catalog):
    with pytest.raises(
        StaleOperatorError, match=r"dihedral\.flip_lr was fitted on another encoder \(0123456789ab, now fedcba\)"
    ):
        load_registry(path, Space("fedcba"), catalog)
    accepted = load_registry(path, Space("fedcba"), catalog, accept_stale=True)
    assert len(accepted.stale()) == 6
    assert "another encoder" in accepted.operator("flip_lr").stale[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"laws": "flip_lr^6 = id"}, r"^the laws of dihedral\.flip_lr have changed; fit dihedral\.flip_lr again$"),
        ({"version": "9"}, r"plugin dihedral of dihedral\.flip_lr has another version now \(9, was unknown\)"),
        ({"without": "extra.shake"}, r"^extra\.shake \(plugin Spin\) is not registered any more; fit extra\.shake"),
        ({"without": "extra.spin"}, r"^extra\.spin \(plugin Spin\) is not registered any more"),
    ],
)
def test_changed_plugins_are_refused_by_name(path, catalog, change, reason):
    laws = [*catalog.laws, aa.parse_law(change.get("laws", "flip_lr^2 = id"), owner="dihedral.flip_lr")]
    changed = Catalog(
        {name: item for name, item in catalog.augmentations.items() if name != change.get("without")},
        laws if "laws" in change else catalog.laws,
        [replace(info, version=change.get("version", "")) for info in catalog.plugins],
    )
    with pytest.raises(StaleOperatorError, match=reason) as caught:
        load_registry(path, Space(), changed)
    assert "\n" not in str(caught.value)
    assert load_registry(path, Space(), changed, accept_stale=True).stale()


def test_a_missing_file(tmp_path, catalog):
    with pytest.raises(StoreError, match=r"none is missing; no operators have been fitted for this run yet$"):
        load_registry(tmp_path / "none", Space(), catalog)


def tampered(path, change):
    """Rewrite the header of a safetensors file."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    own = json.loads(header["__metadata__"]["augalgebra"])
    change(own, header)
    header["__metadata__"]["augalgebra"] = json.dumps(own)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])


@pytest.mark.parametrize("length", [0, 4, 100, -8])
def test_a_truncated_file_is_one_clear_line(path, catalog, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(StoreError, match=r"is damaged \([^\n]*\); fit the operators again$") as caught:
        load_registry(path, Space(), catalog)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda own, _: own.update(kind="augalgebra.lavae"), "is no file of operators$"),
        (lambda own, _: own.update(format=99), "is of format 99, this version reads 1 and 2; fit them again$"),
        (lambda own, _: own.pop("dim"), "holds operators on None latent coordinates"),
        (lambda own, _: own.pop("operators"), "does not hold the operators its header describes"),
        (lambda own, _: own["operators"][0].update(tensor="flip("), "does not hold the operators"),
        (lambda own, _: own["operators"][0].update(tensor="dihedral.transpose"), "does not hold the operators"),
        (lambda own, _: own["operators"][0]["provenance"].pop("name"), "does not hold the operators"),
        (lambda own, _: own["families"][0]["family"].pop("scale"), "does not hold the operators"),
        (lambda _, header: header["dihedral.flip_ud"].update(dtype="I64"), "does not hold the operators"),
        (lambda _, header: header["dihedral.flip_ud"].update(shape=[4, 9]), "does not hold the operators"),
    ],
)
def test_a_tampered_header_is_one_clear_line(path, catalog, change, message):
    tampered(path, change)
    with pytest.raises(StoreError, match=message) as caught:
        load_registry(path, Space(), catalog)
    assert "\n" not in str(caught.value)


def test_numbers_that_are_not_finite_are_refused(path, catalog):
    data = bytearray(path.read_bytes())
    data[-8:] = struct.pack("<d", float("nan"))
    path.write_bytes(data)
    with pytest.raises(StoreError, match="does not hold the operators"):
        load_registry(path, Space(), catalog)


def test_a_folder_that_cannot_be_written_is_one_clear_line(registry, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AugalgebraError, match=r"^cannot write "):
        save_registry(registry, tmp_path / "file" / "operators.safetensors")
