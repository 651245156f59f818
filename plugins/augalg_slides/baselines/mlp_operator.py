"""A small network in place of an operator's matrix: the alternative that the slides name."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.algebra import Word
from augalgebra.errors import AugalgebraError, NotInvertibleError
from augalgebra.latent import make_module
from augalgebra.seeds import generator_for
from augalgebra.training import Limit, Loop, Measurement, Progress, Step, silent

HIDDEN, BATCH, LEARNING_RATE = 64, 256, 3e-3


class NonLinearOperator(nn.Module):
    """Moves codes by two linear maps with a ReLU between them; it has no inverse.

    Attributes:
        layers: The network, on standardised codes.
    """

    def __init__(
        self,
        sources: Float[Tensor, "pair latent"],
        targets: Float[Tensor, "pair latent"],
        *,
        hidden: int = HIDDEN,
        seed: int = 0,
    ) -> None:
        """Draw the weights; standardise as the codes say.

        Args:
            sources: Codes that will be moved.
            targets: Where to.
            hidden: Width of the hidden layer.
            seed: What weights are drawn from.
        """
        super().__init__()
        dim = sources.shape[1]
        self.layers = make_module(
            lambda: nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim)),
            generator_for(seed, "operator weights"),
        )
        for name, codes in (("source", sources), ("target", targets)):
            self.register_buffer(f"{name}_mean", codes.mean(0))
            self.register_buffer(f"{name}_spread", codes.std(0).clamp_min(1e-6))

    def apply(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:  # type: ignore[override]
        """Move codes; named as an operator's method, which hides torch's of the same name."""
        given = (latents - self.get_buffer("source_mean")) / self.get_buffer("source_spread")
        moved: Tensor = self.layers(given.to(self.get_buffer("source_mean").dtype))
        return moved * self.get_buffer("target_spread") + self.get_buffer("target_mean")


def fit_nonlinear(
    sources: Float[Tensor, "pair latent"],
    targets: Float[Tensor, "pair latent"],
    *,
    steps: int = 2000,
    hidden: int = HIDDEN,
    seed: int = 0,
    stage: str = "non-linear operator",
    progress: Progress = silent,
) -> NonLinearOperator:
    """Fit by gradients on the mean squared error, in units of the spread of the targets.

    Args:
        sources: Codes, ``[pair, latent]``.
        targets: Codes of the same images, augmented.
        steps: About how many steps; whole passes are made.
        hidden: Width of the hidden layer.
        seed: Seed of weights and order.
        stage: What reports call it.
        progress: Called after each step.

    Raises:
        AugalgebraError: There are fewer than two pairs, or the codes do not match.
    """
    if sources.shape != targets.shape or len(sources) < 2:
        raise AugalgebraError(
            f"expected codes [pair, latent] of at least two pairs, not {list(sources.shape)} and {list(targets.shape)}"
        )
    operator = NonLinearOperator(sources, targets, hidden=hidden, seed=seed).to(sources.device)
    spread = operator.get_buffer("target_spread")

    def objective(step: Step) -> Measurement:
        rows = step.positions.to(sources.device)
        error = (operator.apply(sources[rows]) - targets[rows]) / spread
        return Measurement({"error": error.square().mean()}, len(rows))

    passes = max(1, round(steps * BATCH / len(sources)))
    loop = Loop(
        stage,
        operator,
        torch.optim.AdamW(operator.parameters(), lr=LEARNING_RATE, weight_decay=0.0),
        objective,
        samples=len(sources),
        batch_size=BATCH,
        limit=Limit(epochs=passes),
        seed=seed,
        schedule="cosine",
        device=sources.device,
    )
    with torch.enable_grad():
        if loop.run(progress).interrupted:
            raise KeyboardInterrupt
    operator.eval().requires_grad_(requires_grad=False)
    return operator


class NetworkChain:
    """Operators of single augmentations, applied letter by letter to stand for a word.

    Args:
        letters: The operator of each augmentation, by its word of one letter.
    """

    def __init__(self, letters: dict[Word, NonLinearOperator]) -> None:
        self._letters = letters

    def operator(self, word: Word) -> "Chain":
        """The operators of the letters, one after the other.

        Raises:
            NotInvertibleError: The word undoes something, which a network does not.
            AugalgebraError: There is no operator of an augmentation in it.
        """
        chain = []
        for symbol, inverse in word.letters:
            if inverse:
                raise NotInvertibleError(f"the non-linear operator of {symbol} has no inverse")
            letter = Word(((symbol, 1),))
            if letter not in self._letters:
                raise AugalgebraError(f"there is no non-linear operator of {symbol}")
            chain.append(self._letters[letter])
        return Chain(chain)


class Chain:
    """Operators one after the other.

    Args:
        operators: In order of application.
    """

    def __init__(self, operators: Sequence[NonLinearOperator]) -> None:
        self._operators = operators

    def apply(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:
        """Move codes."""
        for operator in self._operators:
            latents = operator.apply(latents)
        return latents
