"""Where pictures show which concept."""

import torch

from augalgebra.causal import CausalGraph, known_graph
from augalgebra.causal.places import find_places, grid_of_places
from augalgebra.data import cast_shadow, draw_pendulum


def shown(places: torch.Tensor, row: int, column: int) -> set[int]:
    return set(places[:, row, column].nonzero().flatten().tolist())


def test_each_part_of_a_pendulum_shows_its_own_concepts() -> None:
    generator = torch.Generator().manual_seed(0)
    light, angle = (torch.rand(1500, generator=generator, dtype=torch.float64) * 60 - 30 for _ in range(2))
    length, position = cast_shadow(light, angle)
    images = (draw_pendulum(light, angle, size=(32, 32)) * 255).round().byte()
    labels = torch.stack([light, angle, length, position], 1).float()
    labels = (labels - labels.mean(0)) / labels.std(0)
    graph = known_graph("pendulum", ("light", "angle", "shadow_length", "shadow_position"))
    assert graph is not None
    places = find_places(images, labels, graph, generator)
    rows = [set.union(*(shown(places, row, column) for column in range(4, 12))) for row in range(16)]
    assert rows[0] == {0}  # the light
    assert rows[11] == {1}  # the pendulum
    assert rows[15] == {2, 3}  # the shadow, though light and angle would tell as much
    turned = CausalGraph.of_parents({"a": ["c", "d"], "b": ["c", "d"], "c": [], "d": []})
    # if light and angle were effects; of the length they tell all, and what is found nowhere is ruled out nowhere
    assert shown(find_places(images, labels, turned, generator), 15, 8) == {0, 1, 2}


def test_an_empty_part_shows_nothing() -> None:
    images = torch.zeros(40, 1, 9, 7, dtype=torch.uint8)
    images[:20, 0, 8, 6] = 255
    labels = torch.cat([torch.ones(20), -torch.ones(20)])[:, None]
    places = find_places(images, labels, CausalGraph(("a",)), torch.Generator().manual_seed(0))
    assert places.shape == (1, *grid_of_places(9, 7)) == (1, 5, 4)
    assert places.nonzero().tolist() == [[0, 3, 2], [0, 3, 3], [0, 4, 2], [0, 4, 3]]  # those that reach the pixel


def halves(upper: torch.Tensor, lower: torch.Tensor) -> torch.Tensor:
    """Pictures as bright as this above, and as that below."""
    images = torch.empty(len(upper), 1, 12, 4)
    images[:, :, :6], images[:, :, 6:] = upper.view(-1, 1, 1, 1), lower.view(-1, 1, 1, 1)
    return (images.sigmoid() * 255).round().byte()


def found(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    graph = CausalGraph(tuple("abcdefghij"[: labels.shape[1]]))
    return find_places(images, labels, graph, torch.Generator().manual_seed(0))


def test_three_concepts_are_those_that_tell_most() -> None:
    labels = torch.randn(3000, 6, generator=torch.Generator().manual_seed(0))
    places = found(halves(labels[:, 3:].sum(1), labels[:, :3].sum(1)), labels)
    assert (shown(places, 1, 1), shown(places, 5, 1)) == ({3, 4, 5}, {0, 1, 2})


def test_a_place_that_needs_more_than_three_concepts_shows_all() -> None:
    """Though none of them tells a third by itself."""
    labels = torch.randn(3000, 5, generator=torch.Generator().manual_seed(0))
    places = found(halves(labels[:, :4].sum(1), labels[:, 4]), labels)
    assert (shown(places, 1, 1), shown(places, 5, 1)) == ({0, 1, 2, 3, 4}, {4})


def test_a_place_where_no_concept_tells_most_shows_all() -> None:
    numbers = torch.randn(3000, 4, generator=torch.Generator().manual_seed(0))
    labels, unnamed = numbers[:, :2], numbers[:, 2:]
    places = found(halves(0.5 * labels[:, 0] + 0.8 * unnamed[:, 0], labels[:, 1]), labels)
    assert (shown(places, 1, 1), shown(places, 5, 1)) == ({0, 1}, {1})


def test_a_concept_that_is_found_nowhere_is_ruled_out_nowhere() -> None:
    labels = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
    places = found(halves(labels[:, 0], torch.zeros(400)), labels)
    assert (shown(places, 1, 1), shown(places, 5, 1)) == ({0, 1}, {1})


def test_of_many_concepts_every_place_shows_all() -> None:
    labels = torch.randn(60, 10, generator=torch.Generator().manual_seed(0))
    assert bool(found(halves(labels[:, 0], labels[:, 1]), labels).all())
