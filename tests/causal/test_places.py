"""Where pictures show which concept."""

import torch

from augalgebra.causal import CausalGraph, known_graph
from augalgebra.causal.places import find_places, grid_of_places
from augalgebra.data import Dataset, cast_shadow, draw_pendulum


def shown(places: torch.Tensor, row: int, column: int) -> set[int]:
    return set(places[:, row, column].nonzero().flatten().tolist())


def test_each_part_of_a_pendulum_shows_its_own_concepts() -> None:
    generator = torch.Generator().manual_seed(0)
    light, angle = (torch.rand(1500, generator=generator, dtype=torch.float64) * 60 - 30 for _ in range(2))
    length, position = cast_shadow(light, angle)
    images = (draw_pendulum(light, angle, size=(32, 32)) * 255).round().byte()
    labels = torch.stack([light, angle, length, position], 1).float()
    labels = (labels - labels.mean(0)) / labels.std(0)
    graph = known_graph(("light", "angle", "shadow_length", "shadow_position"))
    assert graph is not None
    places = find_places(images, labels, graph, generator)
    rows = [set.union(*(shown(places, row, column) for column in range(4, 12))) for row in range(16)]
    assert rows[0] == {0}  # the light
    assert rows[11] == {1}  # the pendulum
    assert rows[15] == {2, 3}  # the shadow, though light and angle would tell as much
    turned = CausalGraph.of_parents({"a": ["c", "d"], "b": ["c", "d"], "c": [], "d": []})
    assert shown(find_places(images, labels, turned, generator), 15, 8) == {0, 1}  # if they were effects


def test_an_empty_part_shows_nothing(pendulums: Dataset) -> None:
    images = torch.zeros(40, 1, 9, 7, dtype=torch.uint8)
    images[:20, 0, 8, 6] = 255
    labels = torch.cat([torch.ones(20), -torch.ones(20)])[:, None].repeat(1, 2)
    labels[:, 1] = torch.randn(40, generator=torch.Generator().manual_seed(0))
    places = find_places(images, labels, CausalGraph(("a", "b")), torch.Generator().manual_seed(0))
    assert places.shape == (2, *grid_of_places(9, 7)) == (2, 5, 4)
    assert places.nonzero().tolist() == [[0, 3, 2], [0, 3, 3], [0, 4, 2], [0, 4, 3]]  # those that reach the pixel
