import numpy as np
import pytest
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.data.dataset import Split
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError, FitError
from augalgebra.latent import LAVAE, Architecture
from augalgebra.operators import AffineMap, OperatorRegistry, build_representation
from augalgebra.training.encoding import encoded_views, posterior_samples, posteriors, view_moments
from augalgebra.training.loop import Limit, Step
from augalgebra.training.losses import divergence
from augalgebra.training.precision import bfloat16_pays, device_of
from augalgebra.training.recipe import Recipe
from augalgebra.training.settings import Preset
from augalgebra.training.stage1 import EquivariantObjective, FaithfulObjective, Movers, joint_operators, stage1_loop
from augalgebra.training.stage2 import fit_operators
from augalgebra.training.stage3 import assign_operators, head_loop, routes
from augalgebra.training.views import Views

CATALOG = aa.load_catalog()
FLIPS = Views.closed(CATALOG, ["flip_lr", "flip_ud"])
NEW = Views.published(CATALOG, ["invert", "roll(1, 0)"])


def split(count: int = 24) -> Split:
    train = load_data().train
    return Split(train.images[:count], train.labels[:count])


def small(seed: int = 0) -> LAVAE:
    return LAVAE(Architecture((1, 28, 28), dim=4, width=4), seed=seed)


def recipe(preset: Preset = "equivariant", epochs: int = 2, rate: float = 4e-3, **more: object) -> Recipe:
    return Recipe(preset, Limit(epochs=epochs), 0, rate, 8, **more)


def weights(space: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in space.state_dict().items()}


def test_the_faithful_loss_is_the_evidence_bound_of_single_views() -> None:
    space, images = small(), split()
    objective = FaithfulObjective(space, FLIPS, images, kl_weight=2.0)
    assert 96 == objective.samples
    measured = objective(Step(torch.tensor([3, 24 + 5, 72 + 7]), torch.Generator().manual_seed(3)))
    original = images.images.float() / 255
    targets = torch.stack([original[3], original[5].flip(-1), original[7].flip(-1).flip(-2)])
    mean, log_variance = space.posterior(targets)
    noise = torch.randn(3, 4, generator=torch.Generator().manual_seed(3))
    drawn = space.logits(mean + noise * (0.5 * log_variance).exp())
    torch.testing.assert_close(measured.terms["reconstruction"], space.likelihood.surprise(drawn, targets))
    torch.testing.assert_close(measured.terms["divergence"], 2 * divergence(mean, log_variance))
    assert 3 == measured.images


def test_the_equivariant_loss_draws_moved_latents_of_the_view_before() -> None:
    """With an encoder without noise and one generator, each loss is that of one of the possible moves."""
    views, space, images = Views.closed(CATALOG, ["flip_lr"]), small(), split(2)
    with torch.no_grad():
        space.encoder.heads.bias[4:] = -200.0
        space.encoder.heads.weight[4:] = 0
    operators = build_representation(views.group, 4).generators
    matrix = torch.tensor(operators[views.generators[0]]).float()
    movers = Movers(views.generators, 4, operators)
    objective = EquivariantObjective(space, views, images, movers)
    original = images.images.float() / 255
    made = [original, original.flip(-1)]
    codes = [space.encode(view) for view in made]
    choices = torch.zeros(2, 2, 2)  # move, view, image
    for view in range(2):
        for image in range(2):
            for move, latent in enumerate((codes[view], codes[view] @ matrix)):
                target = made[view ^ move][image][None]
                choices[move, view, image] = space.likelihood.surprise(space.logits(latent[image][None]), target)
    possible = [
        float((choices[a, 0, 0] + choices[b, 0, 1] + choices[c, 1, 0] + choices[d, 1, 1]).detach() / 4)
        for a in (0, 1)
        for b in (0, 1)
        for c in (0, 1)
        for d in (0, 1)
    ]
    seen = set()
    for seed in range(20):
        measured = objective(Step(torch.arange(2), torch.Generator().manual_seed(seed)))
        value = float(measured.terms["reconstruction"].detach())
        hits = [number for number, other in enumerate(possible) if abs(other - value) < 2e-3]
        assert hits
        seen.add(hits[0])
    assert len(seen) > 4
    assert 4 == measured.images


@pytest.mark.parametrize("preset", ["faithful", "equivariant"])
def test_the_weight_of_the_divergence_follows_the_schedule(preset: str) -> None:
    views, images = Views.published(CATALOG, ["flip_lr"]), split(8)

    def terms(fraction: float, **schedule: float) -> dict[str, float]:
        space = small()
        if preset == "faithful":
            objective = FaithfulObjective(space, views, images, **schedule)
        else:
            objective = EquivariantObjective(space, views, images, Movers(views.generators, 4, {}), **schedule)
        measured = objective(Step(torch.arange(8), torch.Generator().manual_seed(0), fraction))
        return {name: float(term.detach()) for name, term in measured.terms.items()}

    plain = terms(0.0)
    for fraction, weight in [(0.0, 0.0), (0.25, 1.0), (0.5, 2.0), (0.9, 2.0)]:
        warmed = terms(fraction, kl_weight=2.0, kl_warmup=0.5)
        assert plain["reconstruction"] == warmed["reconstruction"]
        assert weight * plain["divergence"] == pytest.approx(warmed["divergence"], rel=1e-6)


class Traced(torch.nn.Module):
    """A latent space that draws nothing: codes are one-hot views, and what is drawn is kept beside its target."""

    def __init__(self, views: int) -> None:
        super().__init__()
        self.views, self.drawn, self.targets = views, torch.empty(0), torch.empty(0)
        self.likelihood = self

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        codes = torch.eye(self.views).repeat_interleave(len(images) // self.views, dim=0)
        return codes, torch.full_like(codes, -80)

    def logits(self, codes: Tensor) -> Tensor:
        self.drawn = codes
        return codes

    def surprise(self, logits: Tensor, targets: Tensor, _pooled: object) -> Tensor:
        self.targets = targets
        return logits.sum()


def test_moves_that_lead_out_of_the_views_are_never_taken() -> None:
    """shear_x * canny is a view and canny * shear_x is not, so the latter cannot be drawn."""
    views = Views.published(CATALOG, ["shear_x", "canny"])
    assert -1 in views.moves[0].tolist()
    space, images = Traced(len(views)), split(8)
    told_by_size = {word: (number + 2) * np.eye(len(views)) for number, word in enumerate(views.generators)}
    objective = EquivariantObjective(space, views, images, Movers(views.generators, len(views), told_by_size))
    pixels, ids = images.batch(slice(None))
    true = views.make(pixels, ids)
    taken = set()
    for seed in range(20):
        objective(Step(torch.arange(8), torch.Generator().manual_seed(seed)))
        size, source = space.drawn.round().max(1)
        for number, (move, view) in enumerate(zip((size.long() - 1).tolist(), source.tolist(), strict=True)):
            target = view if move == 0 else int(views.moves[move - 1, view])
            assert target >= 0
            assert torch.equal(space.targets[number], true[target, number % 8])
            taken.add((move, view))
    possible = {(move + 1, view) for move, view in (views.moves >= 0).nonzero().tolist()}
    assert taken == possible | {(0, view) for view in range(len(views))}


def test_given_matrices_stay_and_others_are_learned() -> None:
    views = Views.closed(CATALOG, ["flip_lr", "flip_ud"])
    first, second = views.generators
    fixed = {first: build_representation(views.group, 4).generators[first]}
    space = small()
    loop = stage1_loop(space, views, split(), recipe(epochs=1), fixed)
    movers = loop.learned["movers"]
    loop.run()
    identity, given, free = movers()
    assert torch.equal(torch.eye(4), identity)
    assert fixed[first].tolist() == given.tolist()
    assert not torch.equal(torch.eye(4), free.detach())
    assert ["free.1"] == [name for name, _ in movers.named_parameters()]
    assert second == movers.generators[1]


@pytest.mark.parametrize("preset", ["faithful", "equivariant"])
@pytest.mark.parametrize("bfloat16", [False, True])
def test_stage_1_learns_and_repeats_itself(preset: Preset, bfloat16: bool) -> None:
    spaces = [small(), small()]
    operators = build_representation(FLIPS.group, 4).generators
    for space in spaces:
        before = space.fingerprint()
        loop = stage1_loop(space, FLIPS, split(), recipe(preset, epochs=4, bfloat16=bfloat16), operators)
        outcome = loop.run()
        assert before != space.fingerprint()
    assert outcome.epochs[-1].terms["reconstruction"] < outcome.epochs[0].terms["reconstruction"]
    first, second = map(weights, spaces)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_encodings_are_posterior_means_of_the_views() -> None:
    space, images = small(), split()
    (codes,) = list(encoded_views(space, FLIPS, images))
    original, ids = images.batch(slice(None))
    for word, view in zip(FLIPS.words, codes, strict=True):
        torch.testing.assert_close(space.encode(CATALOG.apply(word, original, ids=ids)), view)
    moments = view_moments(space, FLIPS, images)
    assert (24, FLIPS.words) == (moments.count, moments.words)
    torch.testing.assert_close(
        torch.tensor(moments.mean(FLIPS.words[1])).float(), codes[1].mean(0), atol=1e-6, rtol=1e-5
    )
    mean, log_variance = (part[0] for part in posteriors(space, images))
    torch.testing.assert_close(codes[0], mean)
    torch.testing.assert_close(codes, posteriors(space, images, FLIPS)[0])
    samples = posterior_samples(space, FLIPS, images, seed=1)
    assert torch.equal(samples, posterior_samples(space, FLIPS, images, seed=1))
    z = (samples[0] - mean) / (0.5 * log_variance).exp()
    assert 0.7 < float(z.std()) < 1.3


@pytest.mark.parametrize("fit", [None, "structured", "ridge", "published"])
def test_stage_2_fits_an_operator_for_each_augmentation(fit: str | None) -> None:
    space = small()
    registry = OperatorRegistry.of(space, CATALOG)
    before = weights(space)
    fit_operators(registry, space, FLIPS, split(), fit=fit)
    assert set(FLIPS.generators) == set(registry.words)
    assert all(torch.equal(before[name], tensor) for name, tensor in space.state_dict().items())
    names = {entry.provenance.fit for entry in registry.entries.values()}
    assert {fit or "representation"} == names


def test_operators_that_were_learned_along_are_kept_as_they_are() -> None:
    """Of flip_lr and canny only the flip makes a group; the matrix of canny is learned."""
    views, space = Views.closed(CATALOG, ["flip_lr", "canny"]), small()
    operators = build_representation(views.group, 4).generators
    loop = stage1_loop(space, views, split(), recipe(epochs=1), operators)
    loop.run()
    joint = joint_operators(loop.learned)
    canny = views.generators[1]
    assert [canny] == list(joint)
    registry = OperatorRegistry.of(space, CATALOG)
    fit_operators(registry, space, views, split(), joint=joint)
    assert joint[canny].tolist() == registry.operator(canny).matrix.tolist()
    assert {"joint", "representation"} == {entry.provenance.fit for entry in registry.entries.values()}
    assert {} == joint_operators(stage1_loop(space, views, split(), recipe("faithful")).learned)


def test_structured_operators_leave_the_others_to_the_laws() -> None:
    views, space = Views.closed(CATALOG, ["flip_lr", "canny"]), small()
    registry = OperatorRegistry.of(space, CATALOG)
    fit_operators(registry, space, views, split(), fit="structured")
    assert {"flip_lr": "structured", "canny": "ridge"} == {
        CATALOG.display(word): entry.provenance.fit for word, entry in registry.entries.items()
    }


def test_structured_operators_need_a_finite_group() -> None:
    space, views = small(), Views.closed(CATALOG, ["shear_x"])
    with pytest.raises(FitError, match="shear_x generate no small finite group"):
        fit_operators(OperatorRegistry.of(space, CATALOG), space, views, split(4), fit="structured")


def test_fits_can_be_added_one_by_one() -> None:
    space = small()
    registry = OperatorRegistry.of(space, CATALOG)
    fit_operators(registry, space, FLIPS, split(), operators=FLIPS.generators[:1])
    first = registry.operator("flip_lr").matrix.copy()
    fit_operators(registry, space, FLIPS, split(), operators=FLIPS.generators[1:])
    assert first.tolist() == registry.operator("flip_lr").matrix.tolist()
    assert "flip_ud" in registry


def test_routes_of_relabelled_and_own_operators() -> None:
    def shown(words) -> list[str]:
        return [CATALOG.display(word) for word in words]

    views = Views.published(CATALOG, ["shear_x", "canny"])
    meanings = assign_operators(FLIPS.generators, views.generators)
    assert ["id", "flip_lr", "flip_ud", "flip_lr * flip_ud"] == shown(routes(views, meanings).values())
    assert ["id", "shear_x", "canny", "shear_x * canny"] == shown(routes(views).values())
    swapped = Views.published(CATALOG, ["flip_ud", "flip_lr"])
    both = assign_operators(FLIPS.generators, swapped.generators)
    assert ["id", "flip_lr", "flip_ud", "flip_lr * flip_ud"] == shown(routes(swapped, both).values())
    with pytest.raises(AugalgebraError, match="2 trained operators to new augmentations, but 3"):
        assign_operators(FLIPS.generators, Views.published(CATALOG, ["shear_x", "canny", "invert"]).generators)


@pytest.mark.parametrize("preset", ["faithful", "equivariant"])
@pytest.mark.parametrize("relabel", [False, True])
def test_stage_3_trains_one_head_and_leaves_all_else_bit_for_bit(preset: Preset, relabel: bool) -> None:
    space, images = small(), split()
    registry = OperatorRegistry.of(space, CATALOG)
    fit_operators(registry, space, FLIPS, images)
    meanings = assign_operators(FLIPS.generators, NEW.generators) if relabel else None
    if not relabel:
        fit_operators(registry, space, NEW, images)
    space.add_head("new", seed=1)
    before = weights(space)
    matrices = {word: entry.map.matrix.copy() for word, entry in registry.entries.items()}
    loop = head_loop(space, "new", NEW, images, registry, recipe(preset, epochs=15, rate=1e-2), relabelled=meanings)
    outcome = loop.run()
    changed = {name for name, tensor in space.state_dict().items() if not torch.equal(before[name], tensor)}
    assert changed == {name for name in before if name.startswith("decoders.new.")}
    assert all((entry.map.matrix == matrices[word]).all() for word, entry in registry.entries.items())
    totals = [sum(epoch.terms.values()) for epoch in outcome.epochs]
    assert totals[-1] < totals[0]
    assert {"id", "invert", "roll(1, 0)", "invert * roll(1, 0)"} == set(outcome.epochs[0].terms)


def test_a_head_learns_to_draw_where_the_operators_lead() -> None:
    """Images of two constant greys, and inverted: the new head must draw the inverted from the moved latent."""
    greys = torch.tensor([60, 200], dtype=torch.uint8)[:, None, None, None].expand(2, 1, 28, 28).contiguous()
    images = Split(greys, torch.zeros(2, dtype=torch.int64))
    space, views = small(), Views.closed(CATALOG, ["invert"])
    with torch.no_grad():
        space.encoder.heads.bias[4:] = -20.0
        space.encoder.heads.weight[:4] *= 20
    registry = OperatorRegistry.of(space, CATALOG)
    registry.set_matrices(build_representation(views.group, 4))
    space.add_head("new", seed=1)
    head_loop(space, "new", views, images, registry, recipe(epochs=300, rate=2e-2)).run()
    with torch.no_grad():
        original = images.batch(slice(None))[0]
        moved = registry.operator("invert").apply(space.encode(original))
        drawn = space.decode(moved, "new").mean(dim=(1, 2, 3))
    torch.testing.assert_close(drawn, 1 - original.mean(dim=(1, 2, 3)), atol=0.05, rtol=0)


def test_devices_and_precision() -> None:
    assert "cpu" == device_of("cpu").type
    assert device_of().type in ("cpu", "cuda")
    with pytest.raises(AugalgebraError, match="no device 'abacus'"):
        device_of("abacus")
    if not torch.cuda.is_available():
        with pytest.raises(AugalgebraError, match="no device 'cuda'"):
            device_of("cuda")
    assert not bfloat16_pays(torch.device("meta"))


@pytest.mark.parametrize(
    ("has", "pays"), [({"avx512_bf16": True, "amx_bf16": False}, False), ({"amx_bf16": True}, True)]
)
def test_a_processor_needs_matrix_units_for_bfloat16(
    monkeypatch: pytest.MonkeyPatch, has: dict[str, bool], pays: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    assert bfloat16_pays(torch.device("cpu")) is pays


def test_operators_that_cannot_be_turned_together_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a group with too many elements only a part would be turned, and relations with the rest would be lost."""
    monkeypatch.setattr("augalgebra.training.views.MAX_VIEWS", 2)
    space, images, views = small(), split(), FLIPS
    registry = OperatorRegistry.of(space, CATALOG)
    fit_operators(registry, space, views, images, fit="representation+readout", through_decoder=True)
    assert {entry.provenance.fit for entry in registry.entries.values()} == {"representation+readout"}
    with pytest.raises(FitError, match="did not come out"):
        fit_operators(OperatorRegistry.of(space, CATALOG), space, views, images, fit="representation+decoder")


@pytest.mark.parametrize("names", [["flip_lr", "flip_ud"], ["flip_lr", "rotate_cw"]])
def test_a_representation_turned_through_the_decoder_stays_exact_and_draws_better(names: list[str]) -> None:
    space, images = small(), split(64)
    views = Views.closed(CATALOG, names)
    stage1_loop(space, Views.published(CATALOG, names), images, recipe("faithful", epochs=8)).run()
    before = weights(space)
    pictures, ids = images.batch(slice(None))
    made = views.make(pictures, ids)
    codes = [space.encode(view) for view in made]

    def loss(registry: OperatorRegistry) -> float:
        drawn = []
        for number, word in enumerate(views.generators):
            for source, target in enumerate(views.moves[number].tolist()):
                moved = registry.operator(word).apply(codes[source])
                drawn.append(float(space.likelihood.surprise(space.logits(moved), made[target]).detach()))
        return sum(drawn) / len(drawn)

    losses = {}
    for fit in ("representation+readout", "representation+decoder"):
        registry = OperatorRegistry.of(space, CATALOG)
        fit_operators(registry, space, views, images, fit=fit)
        losses[fit] = loss(registry)
        entries = registry.entries
        assert {entries[word].provenance.fit for word in views.generators} == {fit}
        first, second = (entries[word].map for word in views.generators)
        assert (first @ first).distance(AffineMap.linear(np.eye(4))) < 1e-9
        order = 2 if names[1] == "flip_ud" else 4
        power = AffineMap.product([second] * order, 4)
        assert power.distance(AffineMap.linear(np.eye(4))) < 1e-9
        turned_back = first @ second @ first
        assert turned_back.distance(AffineMap.product([second] * (order - 1), 4)) < 1e-9
    assert losses["representation+decoder"] < losses["representation+readout"] - 0.1
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(space).items())
    assert all(parameter.requires_grad for parameter in space.parameters())
