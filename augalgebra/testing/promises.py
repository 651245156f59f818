"""What every augmentation promises, whatever it does; each check yields the smallest case that breaks it.

A check tries words and images from the simplest on and stops at the first failure, so that what it reports is small.
Images that the augmentation refuses on purpose, by raising `ValueError` with a clear sentence, count for nobody.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.checks.tolerances import tolerance_of
from augalgebra.testing.report import Failure
from augalgebra.testing.subjects import (
    SEED,
    SIZES,
    Images,
    RaisedError,
    Subject,
    images_of,
    is_real,
    random_states,
    scramble,
)

Check = Callable[[Subject, Images], Iterator[Failure]]

REFUSED = object()
"""Stands for the result where images were refused on purpose."""
PAIRS = ((0, 1), (0, 2), (1, 2), (2, 3), (0, 1, 2, 3))
"""Batches by their images' places, small ones first."""


def returns(subject: Subject, images: Images) -> Iterator[Failure]:
    """It returns a batch for images it does not refuse."""
    promise = "it returns a batch, or refuses images with a ValueError that says why"
    for word in subject.words:
        for chosen in ((0,), (0, 1, 2, 3)):
            few = images[chosen]
            result = yield from _called(promise, subject, word, few)
            if result is not REFUSED and not is_real(result):
                returned = result.dtype if isinstance(result, Tensor) else type(result).__name__
                sides = (("expected", "Tensor"), ("returned", str(returned)))
                yield Failure(
                    "it returns a tensor of real numbers",
                    _case(subject, word, few),
                    sides,
                    "return the batch of results",
                )
    if subject.base is None:
        case = f"all of {', '.join(f'{size}×{size}' for size in SIZES)} pixels with 1 and 3 channels"
        yield Failure("it works on images of some size", case, (("raised", subject.refused[-1]),))


def data_type(subject: Subject, images: Images) -> Iterator[Failure]:
    """The result has the data type of the images."""
    promise = "the result has the images' data type and device"
    for word in subject.tensors:
        for dtype in (torch.float32, torch.float64):
            few = Images(images.pixels[:1].to(dtype), images.labels[:1], images.ids[:1])
            result = yield from _called(promise, subject, word, few)
            if is_real(result) and (result.dtype, result.device) != (dtype, few.pixels.device):
                sides = (("expected", f"{dtype} on {few.pixels.device}"), ("returned", f"{result.dtype}"))
                hint = "end with .to(x), or compute with x's own type"
                yield Failure(promise, _case(subject, word, few), sides, hint)


def shape(subject: Subject, images: Images) -> Iterator[Failure]:
    """Height and width are kept, transposed or changed, as declared."""
    declared = subject.augmentation.shape
    promise = f"the shape is {declared}, as declared; the numbers of images and channels are kept"
    channels, height, width = images.pixels.shape[1:]
    for word in subject.tensors:
        for few in (images[(0, 1)], images_of(channels, height, width + 3)[(0, 1)]):
            result = yield from _called(promise, subject, word, few)
            wanted = _wanted(few.pixels, declared)
            if is_real(result) and not _fits(result, wanted, declared):
                sides = (("expected", _shape_text(wanted, declared)), ("returned", _shape_text(tuple(result.shape))))
                hint = "declare shape='transposed' or shape='changed'" if declared == "kept" else ""
                yield Failure(promise, _case(subject, word, few), sides, hint)


def value_range(subject: Subject, images: Images) -> Iterator[Failure]:
    """Values are finite and lie in [0, 1], also for images of one value."""
    promise = "pixels are finite and lie in [0, 1]"
    channels, height, width = images.pixels.shape[1:]
    tried = images_of(channels, height, width, flat=True)
    for word in subject.usable:
        for place in range(len(tried)):
            few = tried[(place,)]
            result = yield from _called(promise, subject, word, few)
            wrong = _out_of_range(result) if is_real(result) else None
            if wrong is not None:
                where, number = wrong
                hint = "end with .clamp(0, 1)"
                if number != number:  # not a number
                    hint = "guard divisions: an image of one value has no range and no variance"
                sides = (("expected", "a number from 0 to 1"), ("returned", f"{number:.6g} at {where}"))
                yield Failure(promise, _case(subject, word, few), sides, hint)


def unmutated(subject: Subject, images: Images) -> Iterator[Failure]:
    """The input is left as it was."""
    promise = "the input is not changed"
    for word in subject.usable:
        few = images[(0,)]
        before = few.pixels.clone()
        yield from _called(promise, subject, word, few, in_place=True)
        if apart := _apart(before, few.pixels, 0.0):
            _, where, old, new = apart
            case = f"{_case(subject, word, images[(0,)])}; at {where}"
            yield Failure(
                promise, case, (("before", old), ("after", new)), "work on x.clone(), or without in-place calls"
            )


def determinism(subject: Subject, images: Images) -> Iterator[Failure]:
    """The same seed and images give the same result, whatever was computed before."""
    promise = "the same images, parameters and seed give the same result"
    hint = (
        "let randomness come in as a parameter: params=[aa.Param('seed', draw=aa.integers(0, 10_000_000))]; "
        "keep nothing between calls"
    )
    for word in subject.usable:
        for chosen in ((0,), (2, 3)):
            few = images[chosen]
            first = yield from _called(promise, subject, word, few)
            scramble()
            yield from _called(promise, subject, word, images[(1, 2)])
            second = yield from _called(promise, subject, word, few)
            if apart := _apart(first, second, 0.0):
                place, where, left, right = apart
                case = f"{_case(subject, word, few)}; image {place}, {where}"
                yield Failure(promise, case, (("first call", left), ("second call", right)), hint)


def random_state(subject: Subject, images: Images) -> Iterator[Failure]:
    """No global random state is touched, nor anything else of the process."""
    hint = "draw from a generator of your own, seeded by a parameter; leave folders, modes and defaults as they are"
    for word in subject.usable:
        few = images[(0,)]
        before = random_states()
        del subject.changed[:]
        yield from _called("the process is left alone", subject, word, few)
        after = random_states()
        drawn = [
            f"the global random state of {library}" for library, state in before.items() if state != after[library]
        ]
        for what in dict.fromkeys((*subject.changed, *drawn)):
            yield Failure(f"{what} is left alone", _case(subject, word, few), hint=hint)


def batching(subject: Subject, images: Images) -> Iterator[Failure]:
    """A batch equals its items; what is drawn belongs to an image's number, not to its place."""
    promise = "a batch equals its items"
    hint = "reduce over the channels and pixels of each image, never over the batch (dim 0)"
    for word in subject.usable:
        for chosen in PAIRS:
            few = images[chosen]
            together = yield from _called(promise, subject, word, few)
            if together is REFUSED:
                continue
            for place in range(len(few)):
                alone = yield from _called(promise, subject, word, few[(place,)])
                mine = together[place : place + 1] if is_real(together) and together.ndim else together
                if apart := _apart(mine, alone, _tolerance(subject)):
                    case = f"{_case(subject, word, few)}; image {place} ({few.labels[place]}), {apart[1]}"
                    yield Failure(promise, case, (("in the batch", apart[2]), ("alone", apart[3])), hint)


def channels(subject: Subject, images: Images) -> Iterator[Failure]:
    """One and three channels work, or are refused on purpose."""
    promise = "images of one and of three channels work, or are refused with a ValueError that says why"
    height, width = images.pixels.shape[2:]
    tried = [images_of(number, height, width)[(0, 1)] for number in (1, 3)]
    yield from _sound_on(promise, subject, tried)


def sizes(subject: Subject, images: Images) -> Iterator[Failure]:
    """Odd and rectangular sizes work, or are refused on purpose."""
    promise = "odd and rectangular images work, or are refused with a ValueError that says why"
    number, side = images.pixels.shape[1:3]
    shapes = ((side + 1, side + 1), (side, side + 3), (side + 5, side), (side + 1, side + 6))
    yield from _sound_on(promise, subject, [images_of(number, *each)[(0, 1)] for each in shapes])


def empty(subject: Subject, images: Images) -> Iterator[Failure]:
    """An empty batch gives an empty batch of the size that others give."""
    promise = "an empty batch gives an empty batch"
    hint = "return early: if not len(x)"
    for word in subject.usable:
        none = images[()]
        full = yield from _called(promise, subject, word, images[(0,)])
        if not is_real(full):  # refused, or told by `returns`
            continue
        try:
            result = subject.call(word, none)
        except RaisedError as raised:  # nothing is in it that could be refused
            yield Failure(promise, _case(subject, word, none), (("raised", str(raised)),), hint)
            continue
        wanted = (0, *full.shape[1:])
        if not is_real(result) or tuple(result.shape) != wanted:
            sides = (("expected", _shape_text(wanted)), ("returned", _kind(result)))
            yield Failure(promise, _case(subject, word, none), sides, hint)


def layout(subject: Subject, images: Images) -> Iterator[Failure]:
    """How a batch lies in memory makes no difference."""
    promise = "images that are not contiguous in memory give the same result"
    for word in subject.usable:
        for name, pixels in _layouts(images[(1, 2)].pixels):
            plain = Images(pixels.contiguous(), images.labels[1:3], images.ids[1:3])
            expected = yield from _called(promise, subject, word, plain)
            strided = Images(pixels, plain.labels, plain.ids)
            hint = f"the batch is {name}: use reshape instead of view, and nothing in place"
            result = yield from _called(promise, subject, word, strided, in_place=True, hint=hint)
            if apart := _apart(result, expected, _tolerance(subject)):
                sides = ((name, apart[2]), ("contiguous", apart[3]))
                yield Failure(promise, f"{_case(subject, word, plain)}; image {apart[0]}, {apart[1]}", sides)


PROMISES: dict[str, Check] = {
    "returns": returns,
    "type": data_type,
    "shape": shape,
    "range": value_range,
    "mutation": unmutated,
    "determinism": determinism,
    "random-state": random_state,
    "batching": batching,
    "channels": channels,
    "sizes": sizes,
    "empty-batch": empty,
    "layout": layout,
}


def _called(
    promise: str, subject: Subject, word: Word, images: Images, *, in_place: bool = False, hint: str = ""
) -> Generator[Failure, None, Any]:
    """The result, or `REFUSED`; a failure if it breaks."""
    try:
        return subject.call(word, images, in_place=in_place)
    except RaisedError as raised:
        if raised.on_purpose:
            subject.refused.append(f"{subject.show(word)} refuses {images.size}: {raised.error}")
        else:
            yield Failure(promise, _case(subject, word, images), (("raised", str(raised)),), hint)
        return REFUSED


def _sound_on(promise: str, subject: Subject, batches: Iterable[Images]) -> Iterator[Failure]:
    declared = subject.augmentation.shape
    # what leaves the range everywhere is told once, by `value_range`
    within = {word for word, result in subject.returned.items() if not _out_of_range(result)}
    for images in batches:
        for word in subject.usable:
            result = yield from _called(promise, subject, word, images)
            if result is REFUSED:
                continue
            wanted = _wanted(images.pixels, declared)
            problem = ""
            if not is_real(result):
                problem = _kind(result)
            elif not _fits(result, wanted, declared):
                problem = f"{_shape_text(tuple(result.shape))} instead of {_shape_text(wanted, declared)}"
            elif word in within and (wrong := _out_of_range(result)):
                problem = f"{wrong[1]:.6g} at {wrong[0]}"
            if problem:
                yield Failure(promise, _case(subject, word, images), (("returned", problem),))


def _case(subject: Subject, word: Word, images: Images) -> str:
    """The word and the images, in full."""
    count = f"{len(images)} images" if len(images) != 1 else "1 image"
    what = f" ({', '.join(images.labels)})" if images.labels else ""
    numbered = ""
    if subject.augmentation.random and images.ids:
        numbered = f", seed {SEED}, ids {list(images.ids)}"
    return f"{subject.show(word)} on {count}{what} of {images.size}{numbered}"


def _apart(left: Any, right: Any, tolerance: float) -> tuple[int, str, str, str] | None:
    """Where two results differ most: image, pixel, and both values there; None if they agree or one is refused."""
    if left is REFUSED or right is REFUSED:
        return None
    if not is_real(left) or not is_real(right) or left.shape != right.shape:
        kinds = _kind(left), _kind(right)
        return None if kinds[0] == kinds[1] else (0, "every pixel", *kinds)
    if not left.numel():
        return None
    # equal where both are NaN: that is the range's concern
    difference = (left.double() - right.double()).abs().nan_to_num(nan=torch.inf)
    difference[left.isnan() & right.isnan() | (left == right)] = 0
    if float(difference.max()) <= tolerance:
        return None
    image = int(difference.flatten(1).amax(1).argmax())
    place = int(difference[image].argmax())
    one, other = float(left[image].reshape(-1)[place]), float(right[image].reshape(-1)[place])
    return image, _pixel(left[image], place), f"{one:.6g}", f"{other:.6g}"


def _out_of_range(result: Tensor) -> tuple[str, float] | None:
    tolerance = tolerance_of(result.dtype) if result.is_floating_point() else 0
    wrong = ~((result >= -tolerance) & (result <= 1 + tolerance))
    if not bool(wrong.any()):
        return None
    place = int(wrong.flatten().int().argmax())
    number = float(result.reshape(-1)[place])
    return _pixel(result[0], place % max(result[0].numel(), 1)) if result.ndim == 4 else "some place", number


def _pixel(image: Tensor, place: int) -> str:
    height, width = image.shape[-2:]
    channel = place // (height * width)
    return f"row {place // width % height}, column {place % width}" + (f", channel {channel}" if channel else "")


def _layouts(pixels: Tensor) -> Iterator[tuple[str, Tensor]]:
    yield "transposed in memory", pixels.transpose(-2, -1).contiguous().transpose(-2, -1)
    yield "every second column of a wider batch", pixels.repeat_interleave(2, -1)[..., ::2]
    yield "channels last", pixels.to(memory_format=torch.channels_last)
    yield "one image expanded to a batch", pixels[:1].expand(len(pixels), -1, -1, -1)


def _wanted(pixels: Tensor, declared: str) -> tuple[int, ...]:
    count, number, height, width = pixels.shape
    return (count, number, width, height) if declared == "transposed" else (count, number, height, width)


def _fits(result: Tensor, wanted: Sequence[int], declared: str) -> bool:
    got = tuple(result.shape)
    return len(got) == 4 and got[:2] == tuple(wanted[:2]) and (declared == "changed" or got == tuple(wanted))


def _kind(result: object) -> str:
    return _shape_text(tuple(result.shape)) if is_real(result) else type(result).__name__


def _shape_text(wanted: Sequence[int], declared: str = "kept") -> str:
    if declared == "changed":
        return f"[{wanted[0]}, {wanted[1]}, *, *]"
    return str(list(wanted))


def _tolerance(subject: Subject) -> float:
    declared = subject.augmentation.tolerance
    return max(tolerance_of(torch.float32), declared or 0.0)
