"""Damaged and malicious files: what changes in them, and what a reader that is shown them does.

`bytes_of`, `json_of`, `toml_of` and `tensors_of` yield damaged versions of a file, each with what was done to it, drawn
from a seed. `survey` shows them to a reader and sorts what happens. To try another kind of file, write a reader (a
function that returns what it read, as something that can be compared) and choose what suits the format, or write one
more function like these.

``AUGALG_MUTATIONS=1500 pytest tests/test_mutations.py`` tries so many in all.
"""

import copy
import gzip
import io
import json
import random
import re
import resource
import signal
import struct
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from augalgebra.errors import AugalgebraError

Mutation = tuple[str, bytes]

SECONDS, BYTES = 10, 1 << 30
"""What a reader may take."""

STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1,
    3,
    2**31,
    2**63,
    10**30,
    0.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "x" * 20_000,
    "évil\x00\n",
    [],
    {},
    [1, "x", None],
    {"x": 1},
    [[[]]],
    ["main"] * 3000,
    [1] * 65,
)


class TookTooLong(BaseException):
    """A reader that does not end."""


@dataclass
class Survey:
    """What a reader did.

    Attributes:
        counts: How often each: ``refused`` in one line, ``same`` content read, ``other`` content read.
        faults: What must not be: a traceback, a message of several lines, a hang, too much memory; each with its cause.
        other: Changes that were read as other content without a word.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


def _too_long(*_: object) -> None:
    raise TookTooLong


def survey(cases: Iterator[Mutation], read: Callable[[bytes], Any], whole: bytes) -> Survey:
    """Show damaged files to a reader.

    Args:
        cases: Damaged contents, each with what was done.
        read: Reads a content; it returns what can be compared with ``==``.
        whole: The content as it was.
    """
    expected, found = read(whole), Survey()
    for cause, content in cases:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        previous = signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(SECONDS)
        try:
            outcome = "same" if read(content) == expected else "other"
        except AugalgebraError as error:
            outcome = "refused"
            if "\n" in str(error) or len(str(error)) > 1000:
                found.faults.append(f"{cause}: a message of {len(str(error))} letters: {str(error)[:300]}")
        except TookTooLong:
            outcome = "hang"
            found.faults.append(f"{cause}: it takes longer than {SECONDS} s")
        except Exception:  # noqa: BLE001 (this is what is looked for)
            outcome = "traceback"
            found.faults.append(f"{cause}: {''.join(traceback.format_exc().splitlines(True)[-5:])}")
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)
        if (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 > BYTES:
            found.faults.append(f"{cause}: it takes more than {BYTES >> 20} MiB")
        found.counts[outcome] += 1
        if outcome == "other":
            found.other.append(cause)
    return found


def bytes_of(content: bytes, count: int, seed: int) -> Iterator[Mutation]:
    """Damage that any file can come to: flipped bits, lost or exchanged blocks."""
    draw = random.Random(seed)
    for _ in range(count):
        data, place = bytearray(content), draw.randrange(len(content))
        kind = draw.choice(("bit", "bit", "byte", "cut", "lost", "zeros", "twice", "appended", "exchanged"))
        size = draw.choice((1, 8, 64, 512))
        if kind == "bit":
            data[place] ^= 1 << draw.randrange(8)
        elif kind == "byte":
            data[place] = draw.randrange(256)
        elif kind == "cut":
            del data[place:]
        elif kind == "lost":
            del data[place : place + size]
        elif kind == "zeros":
            data[place : place + size] = bytes(len(data[place : place + size]))
        elif kind == "twice":
            data[place:place] = data[place : place + size]
        elif kind == "appended":
            data += draw.randbytes(size)
        else:
            other = draw.randrange(len(content))
            first, second = data[place : place + size], data[other : other + size]
            data[place : place + size], data[other : other + size] = second, first
        yield f"{kind} at {place} ({size})", bytes(data)


def json_of(content: bytes, count: int, seed: int, *, lines: bool = False) -> Iterator[Mutation]:
    """Other values at any place of a JSON document, or of one of the lines of a file of such lines."""
    draw = random.Random(seed)
    documents = content.splitlines() if lines else [content]
    for _ in range(count):
        number = draw.randrange(len(documents))
        cause, text = _changed(json.loads(documents[number]), draw)
        changed = [*documents]
        changed[number] = text
        yield f"line {number}: {cause}", b"\n".join(changed) + (b"\n" if lines else b"")


def toml_of(content: bytes, count: int, seed: int) -> Iterator[Mutation]:
    """Other values, names and tables in a TOML document."""
    draw = random.Random(seed)
    values = ['"x"', "-1", "0", "3", "1e400", "nan", "true", "[]", "{}", "9" * 5000, "9" * 25, "[" * 5000, '["a", 1]']
    values += [
        "1979-05-27",
        '"' + "x" * 20_000 + '"',
        "'''\n'''",
        '"\\u0000"',
        "[" * 900 + "]" * 900,
        "{ a = { b = 1 } }",
    ]
    for _ in range(count):
        lines = content.decode().splitlines()
        place = draw.randrange(len(lines))
        kind = draw.choice(("value", "value", "value", "lost", "twice", "name", "exchanged"))
        if kind == "value" and " = " in lines[place]:
            lines[place] = f"{lines[place].partition(' = ')[0]} = {draw.choice(values)}"
        elif kind == "lost":
            del lines[place]
        elif kind == "twice":
            lines.insert(place, lines[place])
        elif kind == "name":
            lines[place] = re.sub(r"\w", "q", lines[place], count=1)
        else:
            other = draw.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
        yield f"{kind} in line {place}: {lines[min(place, len(lines) - 1)][:60]}", "\n".join(lines).encode()


def tensors_of(content: bytes, count: int, seed: int) -> Iterator[Mutation]:
    """Other headers, shapes, types and numbers in a safetensors file; tensors exchanged for each other."""
    draw = random.Random(seed)
    size = struct.unpack("<Q", content[:8])[0]
    header, body = json.loads(content[8 : 8 + size]), content[8 + size :]
    names = [name for name in header if name != "__metadata__"]
    for _ in range(count):
        changed, data = copy.deepcopy(header), bytearray(body)
        name = draw.choice(names)
        kind = draw.choice(("number", "exchanged", "shape", "type", "header", "own", "own", "size", "lost"))
        cause = f"{kind} of {name}"
        if kind == "number":
            wide = changed[name]["dtype"] == "F64"
            begin, end = changed[name]["data_offsets"]
            place = begin + draw.randrange(max(1, (end - begin) // 8)) * 8 if end - begin >= 8 else begin
            number = draw.choice((float("nan"), float("inf"), 1e30, 1.0))
            data[place : place + (8 if wide else 4)] = struct.pack("<d" if wide else "<f", number)
        elif kind == "exchanged":
            alike = [other for other in names if other != name and changed[other]["shape"] == changed[name]["shape"]]
            if alike:
                changed[name], changed[alike[0]] = changed[alike[0]], changed[name]
        elif kind == "shape":
            strange = (
                [],
                [0],
                [-1],
                [1 << 40, 1 << 40],
                [1] * 65 + changed[name]["shape"],
                changed[name]["shape"][::-1],
            )
            changed[name]["shape"] = draw.choice((*strange, [*changed[name]["shape"], 1], "x", [1.5], None))
        elif kind == "type":
            changed[name]["dtype"] = draw.choice(("F64", "F32", "F16", "BF16", "I32", "U8", "BOOL", "F8_E4M3", "x", 3))
        elif kind == "lost":
            del changed[name]
        elif kind == "own":
            own = header["__metadata__"]
            key = draw.choice([*own])
            cause, text = _changed(json.loads(own[key]), draw)
            changed["__metadata__"][key] = text.decode()
        text = json.dumps(changed).encode()
        if kind == "header":
            cause, text = _changed(changed, draw)
        length = draw.choice((0, 1 << 62, len(text) - 1, len(text) + 9)) if kind == "size" else len(text)
        yield cause, struct.pack("<Q", length) + text + bytes(data)


def _changed(document: Any, draw: random.Random) -> Mutation:
    """A JSON document with something else at one place."""
    place, key = document, None
    parents: list[tuple[Any, Any]] = []
    while isinstance(place, dict | list) and place and (key is None or draw.random() < 0.8):
        key = draw.choice([*place] if isinstance(place, dict) else [*range(len(place))])
        parents.append((place, key))
        place = place[key]
    where = ".".join(str(step) for _, step in parents)
    kind = draw.choice(("value", "value", "value", "lost", "name", "deep", "digits"))
    if not parents:
        return f"all is {kind}", json.dumps(draw.choice(STRANGE)).encode()
    holder, key = parents[-1]
    if kind == "lost":
        del holder[key]
    elif kind == "name" and isinstance(holder, dict):
        holder["other"] = holder.pop(key)
    elif kind in ("deep", "digits"):
        holder[key] = "MARK"
        mark = "[" * 5000 + "]" * 5000 if kind == "deep" else "9" * 5000
        return f"{where} is {kind}", json.dumps(document).replace('"MARK"', mark).encode()
    else:
        holder[key] = draw.choice(STRANGE)
        kind = f"{holder[key]!r:.40}"
    return f"{where} is {kind}", json.dumps(document).encode()


def npz_of(content: bytes, count: int, seed: int) -> Iterator[Mutation]:
    """Damage inside the arrays of an archive, which itself is whole and has the right checksums."""
    draw = random.Random(seed)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    shapes = ("()", "(0,)", "(-1,)", "(1099511627776,)", "(20, 1, 1, 1, 1)", "'x'", "None", "(1.5,)", "(20,)" * 30)
    types = ("|O", "<U3", "<M8[s]", ">f8", "<c16", "|b1", "<i8", "|V0", "x" * 400, "<f4', ('a', '<f4')")
    for number in range(count):
        changed = dict(members)
        name = draw.choice([*members])
        kind = draw.choice(("bytes", "header", "shape", "type", "name"))
        cause = f"{kind} of {name}"
        if kind == "bytes":
            cause, changed[name] = next(bytes_of(members[name], 1, seed + number))
        elif kind == "header":
            place = draw.randrange(128)
            changed[name] = members[name][:place] + draw.randbytes(1) + members[name][place + 1 :]
        elif kind == "name":
            changed[draw.choice(("x", "images.npy", "x_train.npy", "é\n.npy", "../x.npy", ""))] = changed.pop(name)
        else:
            pattern, among = (rb"'shape': \([^)]*\)", shapes) if kind == "shape" else (rb"'descr': '[^']*'", types)
            chosen = draw.choice(among)
            value = f"'shape': {chosen}" if kind == "shape" else f"'descr': '{chosen}'"
            header = re.sub(pattern, value.encode(), members[name][10:128].rstrip()).ljust(117) + b"\n"
            changed[name] = members[name][:8] + struct.pack("<H", len(header)) + header + members[name][128:]
            cause += f": {chosen[:40]}"
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for key, value_of in changed.items():
                archive.writestr(key, value_of)
        yield cause, stream.getvalue()


def gz_of(content: bytes, count: int, seed: int) -> Iterator[Mutation]:
    """Damage inside what a gzipped file holds."""
    for cause, damaged in bytes_of(gzip.decompress(content), count, seed):
        yield f"inside: {cause}", gzip.compress(damaged, mtime=0)
