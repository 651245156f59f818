"""Refined encoding: codes that draw the image as well as any near them, from the encoder's answer."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from augalgebra.errors import AugalgebraError
from augalgebra.latent.jacobian import linearise, logits_of
from augalgebra.latent.protocol import MAIN_HEAD, LatentSpace

_EASIER, _HARDER = 0.1, 10.0
_FLOOR = 1e-4  # added to the diagonal, for coordinates that nothing depends on
_REMEMBERED = 3  # rounds of corrections that are mixed
_SLOTS = 4  # derivatives remembered for each image: a word of period four comes back to four codes
_LINEARISED = 32  # images whose tangents fit the processor's cache
_RIDGE = 1e-5  # on rounds that taught nearly the same
_SHORTEST = 1e-12  # squared length of a step below which it tells nothing about the derivative


class Memory:
    """Derivatives of drawings at codes met before, a few for each row.

    An image that is drawn again and again comes back to codes near those it had a few repeats ago; there the derivative
    is nearly the same, and what is wrong with it the steps correct. It changes the way, not the destination.

    Args:
        rows: How many images there are.
        nearest: How far from a code its derivative still serves.
    """

    def __init__(self, rows: int, *, nearest: float = 0.5) -> None:
        self._rows, self._nearest = rows, nearest
        self._codes = self._derivatives = torch.empty(0)
        self._next = torch.zeros(0, dtype=torch.int64)

    def recall(
        self,
        rows: Int[Tensor, " batch"],
        latents: Float[Tensor, "batch latent"],
        J: Float[Tensor, "batch latent pixel"],
    ) -> tuple[Int[Tensor, " batch"], Bool[Tensor, " batch"]]:
        """Write the derivatives nearest to some codes into J.

        Returns:
            For each row the slot of its derivative, and whether it is still to be computed, for lack of a near one.
        """
        if not len(self._codes):
            self._codes = latents.new_full((_SLOTS, self._rows, latents.shape[1]), torch.inf)
            self._derivatives = J.new_empty(_SLOTS, self._rows, *J.shape[1:])
            self._next = rows.new_zeros(self._rows)
        distances = (self._codes[:, rows] - latents).norm(dim=-1)
        distance, slots = distances.min(0)
        new = ~(distance <= self._nearest)
        known = (~new).nonzero().squeeze(1)
        J[known] = self._derivatives[slots[known], rows[known]]
        slots = torch.where(new, self._next[rows], slots)
        self._next[rows[new]] = (slots[new] + 1) % _SLOTS
        return slots, new

    def keep(
        self,
        rows: Int[Tensor, " batch"],
        slots: Int[Tensor, " batch"],
        latents: Float[Tensor, "batch latent"],
        J: Float[Tensor, "batch latent pixel"],
        failed: Bool[Tensor, " batch"],
    ) -> None:
        """Remember derivatives at new codes, but for those that led nowhere."""
        self._codes[slots, rows] = torch.where(failed[:, None], torch.inf, latents)
        self._derivatives[slots, rows] = J


def refine(
    space: LatentSpace,
    images: Float[Tensor, "batch channel height width"],
    latents: Float[Tensor, "batch latent"] | None = None,
    *,
    head: str = MAIN_HEAD,
    steps: int = 3,
    corrections: int = 3,
    tolerance: float = 0.02,
    damping: float = 1e-2,
    bfloat16: bool = False,
    batch_size: int = 512,
    memory: Memory | None = None,
) -> Float[Tensor, "batch latent"]:
    """Move codes to where the decoder draws the image better; what it drew itself is recovered as good as exactly.

    First the encoder corrects itself: what it makes of its own drawing, ENC(DEC(z)), differs from ENC(x) by about as
    much as z is wrong, so z ← z + ENC(x) - ENC(DEC(z)) is repeated, mixed with what earlier rounds taught (Anderson
    1965; Walker and Ni 2011, with the last three of them). For images that this does not settle come damped
    Gauss-Newton steps on the cross-entropy of the image: with logits l(z), pixels p, J = ∂l/∂z and W = diag(p(1 - p)),
    a step δ solves (J W Jᵀ + λ diag(J W Jᵀ)) δ = J (x - p) (Marquardt 1963; J W Jᵀ is the Fisher information of the
    pixels). λ falls tenfold after a step that helped an image, and rises tenfold after one that did not, which is then
    not taken. Since J is what costs, it is computed once, and after each step corrected by rank one, so that it
    explains how the logits really changed (Broyden 1965).

    Args:
        space: The latent space.
        images: Pixels in [0, 1].
        latents: Where to start; what the encoder says if not given.
        head: The decoder that shall draw the images.
        steps: Gauss-Newton steps.
        corrections: Corrections by the encoder before them.
        tolerance: No steps for images that are then drawn as well as can be, but for so many nats. No drawing has a
            lower loss than the image's own entropy, and what the decoder drew itself can reach it.
        damping: λ of the first step.
        bfloat16: Whether J may be computed in bfloat16, which is faster where there are matrix units for it. It
            changes the way, not the destination.
        batch_size: Images at a time.
        memory: Derivatives of earlier calls for the same number of images, row by row the successors of each other.
            Codes that come back near to where they were need no derivative of their own.

    Returns:
        The codes. The loss of none is higher than where it started.

    Raises:
        AugalgebraError: There is no such head, or codes and images do not belong together.

    Examples:
        >>> from augalgebra.latent import LAVAE, Architecture
        >>> space = LAVAE(Architecture(dim=4, width=2), seed=0)
        >>> drawn = space.decode(torch.ones(1, 4))
        >>> refine(space, drawn, steps=12).round(decimals=1).tolist()
        [[1.0, 1.0, 1.0, 1.0]]
    """
    if latents is not None and latents.shape != (len(images), space.dim):
        raise AugalgebraError(
            f"{len(images)} images need codes of shape [{len(images)}, {space.dim}], not {list(latents.shape)}"
        )
    refined = [torch.empty(0, space.dim, device=images.device)]
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            answer = space.encode(images[part])
            search = _Search(space, images[part], answer if latents is None else latents[part], head)
            search.correct(answer, corrections)
            rows = search.beyond(tolerance)
            if steps and len(rows):
                some = _Search(space, images[part][rows], search.latents[rows], head)
                slots, J = some.derivatives(rows + start, memory, bfloat16=bfloat16)
                some.descend(J, steps, damping)
                search.latents[rows] = some.latents
                if memory is not None:
                    failed = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
                    failed[some.beyond(tolerance)] = True
                    memory.keep(rows + start, slots, some.latents, J, failed)
            refined.append(search.latents)
        return torch.cat(refined)


class _Search:
    """The best codes found so far for a few images, with what they draw."""

    def __init__(self, space: LatentSpace, images: Tensor, latents: Tensor, head: str) -> None:
        self._space, self._head, self._shape = space, head, images.shape
        self._draw = logits_of(space, head)
        self._target = images.flatten(1)
        self.latents = latents.clone()  # rows of it will be replaced
        self._logits = self._draw(latents)
        self._losses = self._loss(self._logits)

    def beyond(self, tolerance: float) -> Int[Tensor, " row"]:
        """Numbers of the images that could be drawn better by more than so many nats, for all that is known."""
        least: Tensor = torch.special.entr(self._target) + torch.special.entr(1 - self._target)
        rows: Tensor = (self._losses - least.sum(1) > tolerance).nonzero()
        return rows.squeeze(1)

    def correct(self, answer: Tensor, rounds: int) -> None:
        """Move by the difference between the encoder's answers to the image and to the drawing, again and again."""
        codes, drawn = self.latents, self._logits
        moves: list[Tensor] = []  # how the codes, and how the differences, changed from round to round
        turns: list[Tensor] = []
        for _ in range(rounds):
            difference = answer - self._space.encode(drawn.sigmoid().view(self._shape))
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
            drawn, _ = self._try(codes)

    def derivatives(
        self, rows: Int[Tensor, " batch"], memory: Memory | None, *, bfloat16: bool
    ) -> tuple[Int[Tensor, " batch"], Float[Tensor, "batch latent pixel"]]:
        """The derivative of the logits at each code, remembered or new, and the slot of the memory it belongs to."""
        J = self.latents.new_empty(len(rows), self.latents.shape[1], self._target.shape[1])
        new = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
        slots = torch.zeros_like(rows)
        if memory is not None:
            slots, new = memory.recall(rows, self.latents, J)
        wanted = new.nonzero().squeeze(1)
        for part in torch.split(wanted, _LINEARISED) if len(wanted) else ():
            J[part] = linearise(self._space, self.latents[part], self._head, bfloat16=bfloat16)
        return slots, J

    def descend(self, J: Float[Tensor, "batch latent pixel"], steps: int, damping: float) -> None:
        """Make damped Gauss-Newton steps; J, which is changed, is the derivative at or near the codes."""
        damped = self.latents.new_full((len(J), 1), damping)
        for remaining in reversed(range(steps)):
            before, pixels = self._logits, self._logits.sigmoid()
            H = (J * (pixels * (1 - pixels))[:, None]) @ J.transpose(1, 2)
            slope = (J * (self._target - pixels)[:, None]).sum(-1)  # several times as fast as a product with one column
            extra = damped * H.diagonal(dim1=1, dim2=2) + _FLOOR
            # no check of the result: a step that is not finite is simply not taken
            step, _ = torch.linalg.solve_ex(H + torch.diag_embed(extra), slope)
            after, better = self._try(self.latents + step)
            damped = damped * torch.where(better, _EASIER, _HARDER)[:, None]
            if remaining:
                surprise = after - before - (step[:, None] @ J)[:, 0]
                direction = step / step.square().sum(1, keepdim=True).clamp_min(_SHORTEST)
                J.baddbmm_(direction[..., None], surprise[:, None])

    def _try(self, latents: Tensor) -> tuple[Float[Tensor, "batch pixel"], Bool[Tensor, " batch"]]:
        """Take new codes for those images that they draw better; returns what all of them draw, and for which."""
        logits = self._draw(latents)
        losses = self._loss(logits)
        better = losses < self._losses  # never true of what is not a number
        self.latents = torch.where(better[:, None], latents, self.latents)
        self._logits = torch.where(better[:, None], logits, self._logits)
        self._losses = torch.where(better, losses, self._losses)
        return logits, better

    def _loss(self, logits: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(logits, self._target, reduction="none").sum(1)
