"""Published data sets, found on disk or fetched from a server on this machine; nothing here reaches a network."""

import gzip
import hashlib
import io
import os
import re
import socket
import struct
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from augalgebra.data import archives, download
from augalgebra.data.archives import MNIST, PUBLISHED, CifarArchive, IdxFile, PublishedDataset
from augalgebra.data.cifar import FOLDER, TESTING, TRAINING, read_cifar10
from augalgebra.data.loading import load_data
from augalgebra.errors import DataError

RNG = np.random.default_rng(0)
ARRAYS = {
    "train-images-idx3-ubyte.gz": RNG.integers(0, 256, (20, 5, 4), np.uint8),
    "train-labels-idx1-ubyte.gz": RNG.integers(0, 10, 20, np.uint8),
    "t10k-images-idx3-ubyte.gz": RNG.integers(0, 256, (6, 5, 4), np.uint8),
    "t10k-labels-idx1-ubyte.gz": RNG.integers(0, 10, 6, np.uint8),
}
IMAGES = "train-images-idx3-ubyte.gz"


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">4B{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


PACKED = {name: gzip.compress(idx(values), mtime=0) for name, values in ARRAYS.items()}
REPACKED = {name: gzip.compress(idx(values), 1, mtime=1) for name, values in ARRAYS.items()}


@dataclass
class Server:
    """A server with files, and faults on demand.

    Attributes:
        url: Address of its folder.
        files: What it has.
        cut: After how many bytes it breaks each connection off.
        requests: Path and range of what it was asked for.
    """

    url: str
    files: dict[str, bytes]
    cut: int | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, asked = self.path.lstrip("/"), self.headers.get("Range")
            serving.requests.append((name, asked))
            if name not in serving.files:
                self.send_error(404)
                return
            first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
            rest = serving.files[name][first:]
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: serving.cut])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = Server(f"http://127.0.0.1:{http.server_port}/", dict(PACKED))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield serving
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AUGALG_DATA", raising=False)
    monkeypatch.setattr(archives, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def relative(*mirrors: str, of_content: bool = False) -> PublishedDataset:
    """A small data set with the files of MNIST."""
    files = tuple(
        IdxFile(name, values.shape, md5(idx(values) if of_content else PACKED[name]), of_content)
        for name, values in ARRAYS.items()
    )
    return PublishedDataset("letters", "LETTERS", files, mirrors)


def kept(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def save(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def unused_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


def assert_read(arrays: list[np.ndarray]) -> None:
    for read, values in zip(arrays, ARRAYS.values(), strict=True):
        np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("packed", [PACKED, REPACKED])
def test_what_is_missing_is_fetched_once_and_without_a_word(
    server: Server, cache: Path, capfd: pytest.CaptureFixture[str], packed: dict[str, bytes]
) -> None:
    server.files = packed
    letters = relative(server.url, of_content=True)
    told: list[tuple[int, int, str]] = []
    assert_read(letters.read(None, lambda *news: told.append(news)))
    assert ("", "") == tuple(capfd.readouterr())
    assert {(len(packed[name]), len(packed[name]), name) for name in ARRAYS} <= set(told)
    assert sorted(f"letters/{name}" for name in ARRAYS) == kept(cache)
    assert 4 == len(server.requests)
    assert_read(letters.read(None))
    assert 4 == len(server.requests)


def test_a_file_that_was_damaged_in_the_cache_is_fetched_again(server: Server, cache: Path) -> None:
    letters = relative(server.url)
    letters.read(None)
    (cache / "letters" / IMAGES).write_bytes(PACKED[IMAGES][:-9])
    assert_read(letters.read(None))
    assert 5 == len(server.requests)


@pytest.mark.parametrize("given", [REPACKED[IMAGES], PACKED[IMAGES][:-9], b"<html>Sign in first</html>"])
def test_what_is_not_the_published_file_is_refused_and_not_kept(server: Server, cache: Path, given: bytes) -> None:
    server.files[IMAGES] = given
    with pytest.raises(DataError, match=r"cannot be downloaded \(127.0.0.1 gave a damaged or another file\)"):
        relative(server.url).read(None)
    assert [] == kept(cache)


def test_the_next_mirror_is_asked(server: Server) -> None:
    letters = relative(server.url + "missing/", unused_address(), server.url)
    assert_read(letters.read(None))


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_CHUNK", 8)  # of what is not read in whole chunks the last part is lost
    half = len(PACKED[IMAGES]) // 2 + 1
    server.cut = half
    told: list[tuple[int, int, str]] = []
    assert_read(relative(server.url).read(None, lambda *news: told.append(news)))
    assert [(IMAGES, None), (IMAGES, f"bytes={half // 8 * 8}-")] == server.requests[:2]
    assert (len(PACKED[IMAGES]), len(PACKED[IMAGES]), IMAGES) in told
    assert all(done <= total == len(PACKED[name]) for done, total, name in told)
    assert 4 == len(kept(cache))


def test_a_connection_that_keeps_breaking_is_given_up(server: Server, cache: Path) -> None:
    for cut in (0, 1):
        server.cut = cut
        with pytest.raises(DataError, match="no connection to 127"):
            relative(server.url).read(None)
    assert [] == kept(cache)
    assert len(server.requests) < 10


def test_without_a_network_one_line_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = relative(unused_address(), unused_address())
    with pytest.raises(DataError) as caught:
        letters.read(None)
    assert str(caught.value) == (
        "letters cannot be downloaded (no connection to 127.0.0.1); put train-images-idx3-ubyte.gz, "
        "train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz into DIR/letters "
        "and set AUGALG_DATA=DIR"
    )
    with pytest.raises(DataError, match=rf"letters is not in {tmp_path} and cannot .* into {tmp_path}/letters"):
        letters.read(tmp_path)
    with pytest.raises(DataError, match=r"there is no folder .*nowhere, where letters was to be looked for"):
        letters.read(tmp_path / "nowhere")
    monkeypatch.setattr(archives, "PUBLISHED", {"mnist": letters})
    monkeypatch.setattr("augalgebra.data.loading.PUBLISHED", {"mnist": letters})
    monkeypatch.setenv("AUGALG_DATA", str(tmp_path))
    with pytest.raises(DataError, match=f"is not in {tmp_path}"):
        load_data("mnist")


def test_a_server_that_never_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "TIMEOUT", (0.1, 0.1))
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(DataError, match="no connection to 127"):
        relative(f"http://127.0.0.1:{mute.getsockname()[1]}/").read(None)


def test_a_cache_that_cannot_be_written_is_named(server: Server, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.raises(DataError, match="cannot be written"):
        relative(server.url).read(None)


@pytest.mark.parametrize("place", ["letters", "LETTERS/raw", "LETTERS", "letters/raw"])
@pytest.mark.parametrize("unpacked", [False, True])
def test_files_are_found_in_all_the_usual_places(tmp_path: Path, place: str, *, unpacked: bool) -> None:
    contents = {name.removesuffix(".gz"): idx(values) for name, values in ARRAYS.items()} if unpacked else REPACKED
    save(tmp_path / place, contents)
    assert_read(relative().read(tmp_path))
    assert_read(relative().read(tmp_path / place.split("/")[0]))


def test_files_right_in_the_folder_must_be_the_published_ones(tmp_path: Path) -> None:
    save(tmp_path, PACKED)
    assert_read(relative().read(tmp_path))
    save(tmp_path, REPACKED)
    assert_read(relative(of_content=True).read(tmp_path))
    with pytest.raises(DataError, match="cannot be downloaded"):
        relative().read(tmp_path)


def test_files_that_belong_to_mnist_are_not_taken_for_those_of_a_relative(server: Server, tmp_path: Path) -> None:
    others = {name: gzip.compress(idx(255 - values)) for name, values in ARRAYS.items()}
    save(tmp_path, others)
    assert_read(relative(server.url).read(tmp_path))
    with pytest.raises(DataError, match="another file"):
        MNIST.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PACKED[IMAGES][:-9], "truncated or damaged"),
        (idx(ARRAYS[IMAGES])[:-1], "truncated: 415 bytes, but its header speaks of 416"),
        (gzip.compress(b"\x89PNG, not this", mtime=0), "not an IDX file"),
        (idx(ARRAYS[IMAGES][:7]), "is another file: it holds 7×5×4 values, not 20×5×4"),
    ],
)
def test_a_damaged_file_of_the_user_is_named_and_nothing_is_fetched(
    server: Server, tmp_path: Path, content: bytes, message: str
) -> None:
    save(tmp_path / "letters", PACKED | {IMAGES: content})
    with pytest.raises(DataError, match=message) as caught:
        relative(server.url).read(tmp_path)
    assert str(tmp_path / "letters" / IMAGES) in str(caught.value)
    assert [] == server.requests


def records(count: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).integers(0, 256, (count, 3073), np.uint8)
    rows[:, 0] %= 10
    return rows


PARTS = {name: records(2, seed) for seed, name in enumerate((*TRAINING, TESTING))}


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


MEMBERS = {f"{FOLDER}/{name}": rows.tobytes() for name, rows in PARTS.items()}
WHOLE = archive({"readme.html": b"hello"} | MEMBERS)


def assert_cifar(arrays: tuple[np.ndarray, ...] | list[np.ndarray]) -> None:
    images, labels, test_images, test_labels = arrays
    assert ((10, 3, 32, 32), (2, 3, 32, 32)) == (images.shape, test_images.shape)
    assert [row[0] for name in TRAINING for row in PARTS[name]] == labels.tolist()
    assert PARTS[TESTING][:, 0].tolist() == test_labels.tolist()
    third = PARTS["data_batch_2.bin"][0]
    assert [third[1 + 33], third[1 + 1024 + 33], third[1 + 2048 + 33]] == images[2, :, 1, 1].tolist()


def test_cifar10_is_read_packed_and_unpacked(server: Server, tmp_path: Path, cache: Path) -> None:
    cifar = PublishedDataset("cifar10", "CIFAR10", (CifarArchive("cifar.tar.gz", md5(WHOLE), 2),), (server.url,))
    server.files["cifar.tar.gz"] = WHOLE
    assert_cifar(cifar.read(None))
    assert ["cifar10/cifar.tar.gz"] == kept(cache)
    save(tmp_path / "a", {"cifar.tar.gz": WHOLE})
    assert_cifar(cifar.read(tmp_path / "a"))
    save(tmp_path / "b" / FOLDER, {name: rows.tobytes() for name, rows in PARTS.items()})
    assert_cifar(cifar.read(tmp_path / "b"))
    assert 1 == len(server.requests)
    (tmp_path / "b" / FOLDER / TESTING).unlink()
    with pytest.raises(DataError, match=r"lacks cifar-10-batches-bin/test_batch\.bin"):
        cifar.read(tmp_path / "b")


def test_a_large_data_set_has_the_right_layout(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    cifar = replace(PUBLISHED["cifar10"], files=(CifarArchive("cifar.tar.gz", md5(WHOLE), 2),), mirrors=(server.url,))
    server.files["cifar.tar.gz"] = WHOLE
    monkeypatch.setattr("augalgebra.data.loading.PUBLISHED", {"cifar10": cifar, "mnist": relative(server.url)})
    data = load_data("cifar10")
    assert ((3, 32, 32), 10, 2) == (data.image_shape, len(data.train), len(data.test))
    assert (1, 5, 4) == load_data("mnist").image_shape


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive({name: part for name, part in MEMBERS.items() if "batch_3" not in name}), "lacks .*data_batch_3.bin"),
        (archive(MEMBERS | {f"{FOLDER}/{TESTING}": bytes(3 * 3073)}), "of 9219 bytes where 6146 are expected"),
        (archive(MEMBERS | {f"{FOLDER}/{TESTING}": b"\x0a" + bytes(6145)}), "has a label 10, but there are 10 classes"),
        (archive({f"../{name}": part for name, part in MEMBERS.items()}), "lacks .*data_batch_1.bin"),
        (WHOLE[:-20_000], "truncated, damaged or no .tar.gz"),
        (WHOLE[:-8] + b"\0\0\0\0" + WHOLE[-4:], "CRC check failed"),
        (gzip.compress(b"no archive" * 200, mtime=0), "truncated, damaged or no .tar.gz"),
        (b"no archive", "truncated, damaged or no .tar.gz"),
        (archive(MEMBERS | {"notes.txt": bytes(10**6)}), "unpacks to far more than CIFAR-10 has"),
        (archive({"n" * 10**6: b""} | MEMBERS), "unpacks to far more than CIFAR-10 has"),
    ],
    ids=["missing", "oversized", "label", "path", "truncated", "checksum", "no tar", "no gzip", "bomb", "long name"],
)
def test_what_is_wrong_with_an_archive_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    save(tmp_path / "a", {"cifar.tar.gz": content})
    with pytest.raises(DataError, match=message) as caught:
        read_cifar10(tmp_path / "a" / "cifar.tar.gz", records=2)
    assert "\n" not in str(caught.value)
    assert ["a/cifar.tar.gz"] == kept(tmp_path)


def test_files_of_an_unpacked_archive_are_bounded_and_regular(tmp_path: Path) -> None:
    save(tmp_path / FOLDER, {name: rows.tobytes() for name, rows in PARTS.items()})
    with (tmp_path / FOLDER / TRAINING[1]).open("r+b") as file:
        file.truncate(2**40)  # takes no space
    with pytest.raises(DataError, match=r"data_batch_2.bin of 1099511627776 bytes where 6146 are expected"):
        read_cifar10(tmp_path / FOLDER, records=2)
    (tmp_path / FOLDER / TRAINING[1]).unlink()
    os.mkfifo(tmp_path / FOLDER / TRAINING[1])
    with pytest.raises(DataError, match=r"data_batch_2.bin: it is no regular file"):
        read_cifar10(tmp_path / FOLDER, records=2)


def test_an_archive_with_another_checksum_is_not_even_opened(tmp_path: Path) -> None:
    save(tmp_path, {"cifar.tar.gz": WHOLE})
    assert_cifar(read_cifar10(tmp_path / "cifar.tar.gz", md5=md5(WHOLE), records=2))
    with pytest.raises(DataError, match="does not have the MD5 0123"):
        read_cifar10(tmp_path / "cifar.tar.gz", md5="0123", records=2)


def test_every_published_file_has_a_checksum_of_its_own() -> None:
    files = [file for item in PUBLISHED.values() for file in item.files]
    assert 13 == len({file.md5 for file in files})
    assert all(re.fullmatch("[0-9a-f]{32}", file.md5) for file in files)
    assert all(re.fullmatch(r"https?://\S+/", mirror) for item in PUBLISHED.values() for mirror in item.mirrors)
