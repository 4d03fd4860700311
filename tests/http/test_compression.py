"""Compressed bodies: unpacked everywhere, within the limit, or named."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from assay.http.compression import PIECE_BYTES, BrokenEncoding, Unpacker
from tests.http.conftest import Server

EVENT = {"user_id": "u", "event_type": "buy"}
BODIES: dict[str, tuple[Any, int]] = {
    "/api/v1/events": (EVENT, 202),
    "/api/v1/experiments/assign": ({"user_id": "u"}, 200),
    "/api/v1/experiments": ({"id": "e", "name": "e"}, 201),
}


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def two_members(data: bytes) -> bytes:
    return gzip.compress(data[:5]) + gzip.compress(data[5:])


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress),
    "two members": ("gzip", two_members),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare_deflate),
    "identity": ("identity", bytes),
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("name", PACKERS)
async def test_every_body_may_be_compressed(server: Server, path: str, name: str) -> None:
    (body, status), (encoding, pack) = BODIES[path], PACKERS[name]
    headers = {"content-encoding": encoding, "content-type": "application/json"}
    answer = await server.http.post(path, content=pack(json.dumps(body).encode()), headers=headers)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("path", BODIES)
async def test_an_encoding_that_is_not_known_is_named(server: Server, path: str) -> None:
    for encoding in ("br", "zstd", "gzip, gzip"):
        headers = {"content-encoding": encoding, "content-type": "application/json"}
        answer = await server.http.post(path, content=b"{}", headers=headers)
        body = answer.json()
        assert (answer.status_code, body["code"], body["field"]) == (415, "encoding", "Content-Encoding")
        assert "gzip or deflate" in body["accepted"]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("content", [b"", b"{}", gzip.compress(b"{}" * 500)[:-9], gzip.compress(b"{}") + b"more"])
async def test_what_is_not_gzip_is_named(server: Server, path: str, content: bytes) -> None:
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    answer = await server.http.post(path, content=content, headers=headers)
    if content == b"" and path.endswith("experiments"):
        assert answer.status_code == 422
    else:
        assert (answer.status_code, answer.json()["field"]) == (400, "Content-Encoding")


@pytest.mark.parametrize("path", BODIES)
async def test_a_bomb_is_too_large(server: Server, path: str) -> None:
    bomb = gzip.compress(b" " * 100_000_000, 1)
    assert len(bomb) < 1_000_000
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    answer = await server.http.post(path, content=bomb, headers=headers)
    assert answer.status_code == 413


def test_a_bomb_comes_out_in_small_pieces() -> None:
    unpack = Unpacker("gzip")
    sizes = [len(piece) for piece in unpack.unpack(gzip.compress(b"x" * 5_000_000))]
    sizes += [len(piece) for piece in unpack.end()]
    assert sum(sizes) == 5_000_000
    assert max(sizes) <= PIECE_BYTES


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_cut_anywhere_it_is_the_same_or_broken(encoding: str) -> None:
    data = bytes(range(256)) * 20
    packed = PACKERS[encoding][1](data)
    for size in (1, 2, 3, 100):
        unpack = Unpacker(encoding)
        found = b"".join(piece for i in range(0, len(packed), size) for piece in unpack.unpack(packed[i : i + size]))
        assert found + b"".join(unpack.end()) == data
    for end in range(len(packed)):
        unpack = Unpacker(encoding)
        list(unpack.unpack(packed[:end]))
        with pytest.raises(BrokenEncoding):
            list(unpack.end())
