import gzip

import brotli  # type: ignore[import-untyped]
import httpx
import pytest
import zstandard
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from gateway.http import explorer
from gateway.http.compression import MINIMUM_BYTES, compressed
from gateway.http.negotiation import GRAPHQL_RESPONSE, JSON

LONG = b'{"data": "' + b"Dzie\xc5\x84 dobry, " * 200 + b'"}'
READERS = {
    "zstd": lambda sent: zstandard.ZstdDecompressor().decompressobj().decompress(sent),
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}


async def raw(path: str, accept_encoding: str | None, method: str = "GET", **headers: str) -> httpx.Response:
    """An answer whose body is as it was sent."""

    async def answer(request: Request) -> Response:
        size = int(request.query_params.get("size", len(LONG)))
        return Response(LONG[:size], media_type=request.query_params.get("type", JSON))

    async def failing(request: Request) -> Response:
        return Response(LONG, 400, media_type=f"{GRAPHQL_RESPONSE}; charset=utf-8")

    app = Starlette(
        routes=[
            Route("/", answer),
            Route("/failing", failing),
            Mount(explorer.ASSETS_PATH, explorer.static_app()),
        ],
        middleware=[compressed()],
    )
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    if accept_encoding is not None:
        sent.append((b"accept-encoding", accept_encoding.encode("latin-1")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        http.headers.pop("accept-encoding")
        request = http.build_request(method, path, headers=sent)
        response = await http.send(request, stream=True)
        body = b"".join([chunk async for chunk in response.aiter_raw()])
        await response.aclose()
        response.extensions["sent"] = body
        return response


def sent(response: httpx.Response) -> bytes:
    body: bytes = response.extensions["sent"]
    return body


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("*", "zstd"),
        ("*, zstd;q=0, br;q=0", "gzip"),
        ("identity;q=0, gzip", "gzip"),
    ],
)
@pytest.mark.parametrize("media_type", [JSON, GRAPHQL_RESPONSE, "text/html; charset=utf-8"])
async def test_an_answer_is_compressed_as_the_client_takes_it(
    accepted: str, chosen: str, media_type: str
) -> None:
    answer = await raw(f"/?type={media_type.replace('+', '%2B')}", accepted)
    assert answer.headers["content-encoding"] == chosen
    assert answer.headers["vary"] == "Accept-Encoding"
    assert int(answer.headers["content-length"]) == len(sent(answer)) < len(LONG) / 5
    assert READERS[chosen](sent(answer)) == LONG


@pytest.mark.parametrize(
    "accepted",
    [
        None,
        "",
        "identity",
        "deflate",
        "gzip;q=0",
        "gzip;q=nonsense",
        "gzip;q=nan",
        "*;q=0",
        ";;,,=",
        "\xff",
        "gz ip",
    ],
)
async def test_a_client_that_takes_nothing_of_it_gets_the_answer_as_it_is(accepted: str | None) -> None:
    answer = await raw("/", accepted)
    assert (answer.status_code, sent(answer)) == (200, LONG)
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_a_small_answer_stays_as_it_is() -> None:
    assert "content-encoding" not in (await raw(f"/?size={MINIMUM_BYTES - 1}", "gzip")).headers
    assert (await raw(f"/?size={MINIMUM_BYTES}", "gzip")).headers["content-encoding"] == "gzip"


async def test_what_is_compressed_already_stays_as_it_is() -> None:
    for media_type in ("font/woff2", "image/png", "application/zip"):
        assert "content-encoding" not in (await raw(f"/?type={media_type}", "gzip")).headers


async def test_errors_are_compressed_too() -> None:
    answer = await raw("/failing", "br")
    assert (answer.status_code, brotli.decompress(sent(answer))) == (400, LONG)


NAME = "editor.worker-5V37O26T.js"


@pytest.mark.parametrize("encoding", READERS)
async def test_a_file_of_the_explorer_is_compressed(encoding: str) -> None:
    plain = await raw(f"/explorer/{NAME}", None)
    answer = await raw(f"/explorer/{NAME}", encoding)
    assert answer.headers["content-encoding"] == encoding
    assert READERS[encoding](sent(answer)) == sent(plain)
    assert len(sent(answer)) < len(sent(plain)) / 3
    # One tag for all encodings is a weak one.
    assert answer.headers["etag"] == plain.headers["etag"] == f'W/"{NAME}"'
    again = await raw(f"/explorer/{NAME}", encoding, if_none_match=answer.headers["etag"])
    assert (again.status_code, sent(again), again.headers["vary"]) == (304, b"", "Accept-Encoding")


async def test_a_range_of_a_file_is_a_range_of_the_file_itself() -> None:
    plain = await raw(f"/explorer/{NAME}", None)
    part = await raw(f"/explorer/{NAME}", "gzip", range="bytes=10-99")
    assert (part.status_code, sent(part)) == (206, sent(plain)[10:100])
    assert "content-encoding" not in part.headers
