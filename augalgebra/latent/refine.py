"""Refined encoding: codes that draw the image as well as any near them, from the encoder's answer."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from augalgebra.errors import AugalgebraError
from augalgebra.latent.jacobian import linearise, logits_of
from augalgebra.latent.likelihoods import likelihood_of
from augalgebra.latent.protocol import MAIN_HEAD, LatentSpace

_EASIER, _HARDER = 0.1, 10.0
_FLOOR = 1e-4  # added to the diagonal, for coordinates that nothing depends on
_REMEMBERED = 3  # rounds of corrections that are mixed
_SLOTS = 4  # derivatives remembered for each image: a word of period four comes back to four codes
_LINEARISED = 32  # images whose tangents fit the processor's cache
_RIDGE = 1e-5  # on rounds that taught nearly the same
_SHORTEST = 1e-12  # squared length of a step below which it tells nothing about the derivative


class Memory:
    """Where searches ended, a few for each row: how far from their start, and the derivative of the drawing there.

    An image that is drawn again and again comes back to starts near those it had a few repeats ago. There the encoder
    is wrong by nearly as much, and the derivative is nearly the same; what is wrong with both the steps correct. It
    changes the way, not the destination: whether a code draws the image is always looked at.

    Args:
        rows: How many images there are.
        nearest: How far from a start what was found there still serves.
    """

    def __init__(self, rows: int, *, nearest: float = 0.5) -> None:
        self._rows, self._nearest = rows, nearest
        self._starts = self._moves = self._derivatives = torch.empty(0)
        self._next = torch.zeros(0, dtype=torch.int64)

    def recall(
        self, rows: Int[Tensor, " batch"], starts: Float[Tensor, "batch latent"]
    ) -> tuple[Int[Tensor, " known"], Int[Tensor, " known"], Float[Tensor, "known latent"]]:
        """Which of some starts are near one that is remembered, by position; its slot, and the move from there."""
        if not len(self._starts):
            return rows[:0], rows[:0], starts[:0]
        slots, near = self._nearest_slots(rows, starts)
        known = near.nonzero().squeeze(1)
        return known, slots[known], self._moves[slots[known], rows[known]]

    def derivatives(
        self, rows: Int[Tensor, " known"], slots: Int[Tensor, " known"]
    ) -> Float[Tensor, "known latent pixel"]:
        """A copy of the derivatives in slots that were recalled."""
        return self._derivatives[slots, rows]

    def keep(
        self,
        rows: Int[Tensor, " batch"],
        starts: Float[Tensor, "batch latent"],
        ends: Float[Tensor, "batch latent"],
        J: Float[Tensor, "batch latent pixel"],
        failed: Bool[Tensor, " batch"],
    ) -> None:
        """Remember where searches ended, in place of what was near; forget what led nowhere."""
        if not len(self._starts):
            self._starts = starts.new_full((_SLOTS, self._rows, starts.shape[1]), torch.inf)
            self._moves = torch.zeros_like(self._starts)
            self._derivatives = J.new_empty(_SLOTS, self._rows, *J.shape[1:])
            self._next = rows.new_zeros(self._rows)
        slots, near = self._nearest_slots(rows, starts)
        slots = torch.where(near, slots, self._next[rows])
        self._next[rows[~near]] = (slots[~near] + 1) % _SLOTS
        self._starts[slots, rows] = torch.where(failed[:, None], torch.inf, starts)
        self._moves[slots, rows] = ends - starts
        self._derivatives[slots, rows] = J

    def _nearest_slots(self, rows: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        distance, slots = (self._starts[:, rows] - starts).norm(dim=-1).min(0)
        return slots, distance <= self._nearest


def refine(
    space: LatentSpace,
    images: Float[Tensor, "batch channel height width"],
    latents: Float[Tensor, "batch latent"] | None = None,
    *,
    head: str = MAIN_HEAD,
    steps: int = 5,
    corrections: int = 3,
    tolerance: float | None = None,
    damping: float = 1e-2,
    bfloat16: bool = False,
    batch_size: int = 512,
    memory: Memory | None = None,
) -> Float[Tensor, "batch latent"]:
    """Move codes to where the decoder draws the image better; what it drew itself is recovered as good as exactly.

    First the encoder corrects itself: what it makes of its own drawing, ENC(DEC(z)), differs from ENC(x) by about as
    much as z is wrong, so z ← z + ENC(x) - ENC(DEC(z)) is repeated, mixed with what earlier rounds taught (Anderson
    1965; Walker and Ni 2011, with the last three of them). For images that this does not settle come damped Gauss-
    Newton steps on the loss of the image: with logits l(z), pixels p, J = ∂l/∂z and W = diag(p(1 - p)), a step δ solves
    (J W Jᵀ + λ diag(J W Jᵀ)) δ = J (x - p) (Marquardt 1963; J W Jᵀ is the Fisher information of the pixels). So for the
    Bernoulli likelihood; for the Gaussian one it is W² beside J W (x - p). λ falls tenfold after a step that helped an
    image, and rises tenfold after one that did not, which is then not taken. Since J is what costs, it is computed
    once, and after each step corrected by rank one, so that it explains how the logits really changed (Broyden 1965).
    An image is left alone as soon as it is settled.

    With a memory, an image starts where its last search from near there ended, and J is that of then; corrections and
    a new J come only if that does not settle it.

    Args:
        space: The latent space.
        images: Pixels in [0, 1].
        latents: Where to start; what the encoder says if not given.
        head: The decoder that shall draw the images.
        steps: Gauss-Newton steps.
        corrections: Corrections by the encoder before them, for images that are not settled.
        tolerance: An image is settled where it is drawn as well as can be, but for so much in the unit of the
            likelihood; by default what counts as exact there. No drawing has a lower loss than the image's own
            entropy, and what the decoder drew itself can reach it.
        damping: λ of the first step.
        bfloat16: Whether J may be computed in bfloat16, which is faster where there are matrix units for it. It
            changes the way, not the destination.
        batch_size: Images at a time.
        memory: What earlier calls found for as many images, row by row the successors of each other.

    Returns:
        The codes. The loss of none is higher than where it started.

    Raises:
        AugalgebraError: There is no such head, or codes and images do not belong together.

    Examples:
        >>> from augalgebra.latent import LAVAE, Architecture
        >>> space = LAVAE(Architecture(dim=4, width=2), seed=0)
        >>> drawn = space.decode(torch.ones(1, 4))
        >>> refine(space, drawn, steps=30, tolerance=1e-6).round(decimals=1).tolist()
        [[1.0, 1.0, 1.0, 1.0]]
    """
    if latents is not None and latents.shape != (len(images), space.dim):
        raise AugalgebraError(
            f"{len(images)} images need codes of shape [{len(images)}, {space.dim}], not {list(latents.shape)}"
        )

    def refined(part: slice) -> Tensor:
        answer = space.encode(images[part])
        starts = answer if latents is None else latents[part]
        search = _Search(space, images[part], starts, head, tolerance)
        numbers = torch.arange(part.start, part.start + len(answer), device=answer.device)

        def descend(rows: Tensor, J: Tensor) -> None:
            search.descend(rows, J, steps, damping)
            if memory is not None:
                memory.keep(numbers[rows], starts[rows], search.latents[rows], J, search.unsettled[rows])

        if memory is not None:
            known, slots, moves = memory.recall(numbers, starts)
            search.jump(known, starts[known] + moves)
            wanted = search.unsettled[known]
            if steps and bool(wanted.any()):
                descend(known[wanted], memory.derivatives(numbers[known[wanted]], slots[wanted]))
        search.correct(answer, corrections)
        rows = search.unsettled.nonzero().squeeze(1)
        if steps and len(rows):
            descend(rows, search.derivatives(rows, bfloat16=bfloat16))
        return search.latents

    with torch.no_grad():
        parts = [slice(start, start + batch_size) for start in range(0, len(images), batch_size)]
        return torch.cat([torch.empty(0, space.dim, device=images.device), *map(refined, parts)])


class _Search:
    """The best codes found so far for a few images, with what they draw."""

    def __init__(self, space: LatentSpace, images: Tensor, latents: Tensor, head: str, tolerance: float | None) -> None:
        self._space, self._head, self._shape = space, head, images.shape[1:]
        self._likelihood = likelihood_of(space)
        self._tolerance = self._likelihood.settled if tolerance is None else tolerance
        self._draw = logits_of(space, head)
        self._target = images.flatten(1)
        self._least = self._likelihood.entropy(self._target)
        self.latents = latents.clone()  # rows of it will be replaced
        self._logits = self._draw(latents)
        self._losses = self._likelihood.loss_of_logits(self._logits, self._target)

    @property
    def unsettled(self) -> Bool[Tensor, " batch"]:
        """Which images could be drawn better by more than the tolerance, for all that is known."""
        return self._losses - self._least > self._tolerance

    def correct(self, answer: Tensor, rounds: int) -> None:
        """Move by the difference between the encoder's answers to the image and to the drawing, again and again."""
        rows = self.unsettled.nonzero().squeeze(1)
        codes, drawn = self.latents[rows], self._logits[rows]
        moves: list[Tensor] = []  # how the codes, and how the differences, changed from round to round
        turns: list[Tensor] = []
        for _ in range(rounds if len(rows) else 0):
            difference = answer[rows] - self._space.encode(drawn.sigmoid().view(-1, *self._shape))
            if moves:
                turns[-1] = difference - turns[-1]
            step = difference
            if moves:
                M, T = torch.stack(moves[-_REMEMBERED:], 1), torch.stack(turns[-_REMEMBERED:], 1)
                gram = T @ T.transpose(1, 2)
                ridge = torch.diag_embed(_RIDGE * gram.diagonal(dim1=1, dim2=2) + _SHORTEST)
                weights, _ = torch.linalg.solve_ex(gram + ridge, (T * difference[:, None]).sum(-1))
                step = difference - ((M + T) * weights[..., None]).sum(1)
            moves.append(step)
            turns.append(difference)
            codes = codes + step
            drawn, _ = self.jump(rows, codes)

    def derivatives(self, rows: Int[Tensor, " row"], *, bfloat16: bool) -> Float[Tensor, "row latent pixel"]:
        """The derivative of the logits at the codes of some images."""
        J = self.latents.new_empty(len(rows), self.latents.shape[1], self._target.shape[1])
        for first in range(0, len(rows), _LINEARISED):
            part = slice(first, first + _LINEARISED)
            J[part] = linearise(self._space, self.latents[rows[part]], self._head, bfloat16=bfloat16)
        return J

    def descend(
        self, rows: Int[Tensor, " row"], J: Float[Tensor, "row latent pixel"], steps: int, damping: float
    ) -> None:
        """Make damped Gauss-Newton steps for some images, each until it is settled.

        J is the derivative at or near their codes; what the steps teach of it is written into it.
        """
        damped = self.latents.new_full((len(rows), 1), damping)
        for _ in range(steps):
            active = self.unsettled[rows].nonzero().squeeze(1)
            if not len(active):
                return
            some, all_of_them = rows[active], len(active) == len(rows)
            K = J if all_of_them else J[active]
            latents, before, target = self.latents[some], self._logits[some], self._target[some]
            pixels = before.sigmoid()
            H = (K * self._likelihood.curvature(pixels)[:, None]) @ K.transpose(1, 2)
            slope = (K * self._likelihood.slope(pixels, target)[:, None]).sum(
                -1
            )  # several times as fast as a product with one column
            extra = damped[active] * H.diagonal(dim1=1, dim2=2) + _FLOOR
            # no check of the result: a step that is not finite is simply not taken
            step, _ = torch.linalg.solve_ex(H + torch.diag_embed(extra), slope)
            after, better = self.jump(some, latents + step)
            damped[active] *= torch.where(better, _EASIER, _HARDER)[:, None]
            surprise = after - before - (step[:, None] @ K)[:, 0]
            direction = step / step.square().sum(1, keepdim=True).clamp_min(_SHORTEST)
            K.baddbmm_(direction[..., None], surprise[:, None])
            if not all_of_them:
                J[active] = K

    def jump(
        self, rows: Int[Tensor, " row"], latents: Float[Tensor, "row latent"]
    ) -> tuple[Float[Tensor, "row pixel"], Bool[Tensor, " row"]]:
        """Take new codes for those images that they draw better; returns what all of them draw, and for which."""
        logits = self._draw(latents)
        losses = self._likelihood.loss_of_logits(logits, self._target[rows])
        better = losses < self._losses[rows]  # never true of what is not a number
        taken = rows[better]
        self.latents[taken], self._logits[taken], self._losses[taken] = latents[better], logits[better], losses[better]
        return logits, better
