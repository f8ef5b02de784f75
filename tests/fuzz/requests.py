"""Requests as no library would send them: every part may be right, odd or broken."""

import gzip
import json
import zlib
from dataclasses import dataclass
from urllib.parse import quote

from hypothesis import strategies as st

QUERY = "query Q($n: Int, $id: ID) { sources { key } node(id: $id) { id } cases(first: $n) { nodes { id } } }"
_VALID = json.dumps({"query": QUERY, "variables": {"n": 1, "id": "x"}, "operationName": "Q"}).encode()
_DIGITS = "9" * 5_000
# What a JSON value may be that nobody had in mind.
_VALUES = st.one_of(
    st.sampled_from([None, True, 0, -1, 1.5, 2**63, "", "x", "\x00", [], {}, [[]], "{ __typename }"]),
    st.integers(),
    st.text(max_size=20),
    st.recursive(st.none() | st.text(max_size=5), lambda each: st.lists(each, max_size=3), max_leaves=8),
)
_QUERIES = st.sampled_from(
    [
        QUERY,
        "{ __typename }",
        "{ __schema { types { fields { type { ofType { ofType { name } } } } } } }",
        "{ nothing }",
        'mutation { reconcileWrite(input: {id: "x"}) { write { id } userErrors { code message } } }',
        "subscription { __typename }",
        "{ a" * 100,
        "{" + " a: __typename" * 300 + "}",
        "{" + "".join(f" a{number}: __typename" for number in range(400)) + "}",
        "{ ...F } fragment F on Query { ...F }",
        "{ ...F0 }" + "".join(f" fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(20)) + " fragment F20 on Query { __typename }",
        "{ __typename " + "@skip(if: false) " * 300 + "}",
        "{ cases(first: 99999999999999999999) { nodes { id } } }",
        f"{{ cases(first: {_DIGITS}) {{ nodes {{ id }} }} }}",
        '{ node(id: "\\ud800") { id } }',
        '{ node(id: "\\u{110000}") { id } }',
        '{ node(id: """' + '"' * 50 + " ) { id } }",
        "\ufeff{ __typename }",
        "{ __typename }\x00",
        "# " + "x" * 1_000,
        "query " * 1_000,
        "[" * 1_000,
        "{ node(id: {a: " * 300,
    ]
)  # fmt: skip
_OBJECTS = st.fixed_dictionaries(
    {"query": _QUERIES | _VALUES},
    optional={
        "variables": st.dictionaries(st.sampled_from(["n", "id", "x", "__proto__"]), _VALUES, max_size=3)
        | _VALUES,
        "operationName": st.sampled_from(["Q", "R", ""]) | _VALUES,
        "extensions": st.dictionaries(st.sampled_from(["persistedQuery", "x"]), _VALUES, max_size=2)
        | _VALUES,
        "documentId": st.sampled_from(["sha256:" + "0" * 64, "0" * 64, "x", "../../etc/passwd"]) | _VALUES,
    },
)
_INSERTED = st.sampled_from(
    [b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\xef\xbb\xbf", b"\r\n\r\n", b'"', b"{", b"}", b"[", b",", b":", b"1e999", b"-", _DIGITS.encode(), b'"query":"{ __typename }",', b'"variables":null,', b"NaN", b"/*", b"\x1b[2J"]
)  # fmt: skip


def _mutated(body: bytes, at: int, removed: int, inserted: bytes) -> bytes:
    place = at % (len(body) + 1)
    return body[:place] + inserted + body[place + removed :]


def _nested(opened: bytes, closed: bytes, depth: int) -> bytes:
    return opened * depth + b"1" + closed * depth


_DEPTHS = st.sampled_from([10, 127, 128, 500, 1_024, 1_025, 20_000])
_NESTED = st.builds(_nested, st.just(b"["), st.sampled_from([b"]", b""]), _DEPTHS) | st.builds(
    _nested, st.just(b'{"a":'), st.sampled_from([b"}", b""]), _DEPTHS
)
_JSON = _OBJECTS.map(lambda each: json.dumps(each).encode())
_BODIES = st.one_of(
    _JSON,
    _JSON,
    st.just(_VALID),
    st.builds(_mutated, st.just(_VALID), st.integers(0, 10_000), st.integers(0, 20), _INSERTED | st.binary(max_size=9)),
    st.builds(_mutated, _JSON, st.integers(0, 10_000), st.integers(0, 5), _INSERTED),
    st.binary(max_size=200),
    st.lists(_OBJECTS, max_size=3).map(lambda each: json.dumps(each).encode()),
    _VALUES.map(lambda each: json.dumps(each).encode()),
    _NESTED,
    _NESTED.map(lambda each: b'{"query":"{ __typename }","variables":{"x":' + each + b"}}"),
    _NESTED.map(lambda each: b'{"query":"{ __typename }","extensions":' + each + b"}"),
    st.sampled_from([262_143, 262_144, 262_145, 400_000]).map(_VALID.ljust),
    st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "utf-7"]).map(_VALID.decode().encode),
    st.sampled_from([gzip.compress(_VALID), zlib.compress(_VALID), gzip.compress(b" " * 3_000_000), gzip.compress(_VALID)[:-5]]),
    st.sampled_from([b"", b" ", b"null", b"query=%7B__typename%7D", b"--x\r\nContent-Disposition: form-data; name=operations\r\n\r\n{}\r\n--x--"]),
)  # fmt: skip

_PARAMETERS = st.lists(
    st.tuples(
        st.sampled_from(["query", "query", "variables", "extensions", "operationName", "documentId", "x", "source", "filename"]),
        st.one_of(
            _QUERIES,
            _VALUES.map(json.dumps),
            st.sampled_from(["{ __typename }", '{"n": 1}', '{"persistedQuery":{"version":1,"sha256Hash":"0"}}', "[" * 3_000, "", "thulium", "a.txt", "../a", "a\r\nb", "\x00", _DIGITS]),
        ),
    ),
    max_size=4,
).map(lambda given: "&".join(f"{name}={quote(value, errors='replace')}" for name, value in given))  # fmt: skip
_STRANGE_PARAMETERS = st.sampled_from(["query=%", "query=%ff%fe", "query=%ed%a0%80", "query", "&&&", "%00=1", "query=" + "a" * 60_000, "query={__typename}", "?" * 50])  # fmt: skip
_PATHS = st.sampled_from(
    ["/graphql"] * 12 + ["/uploads"] * 3
    + ["/", "/healthz", "/readyz", "/metrics", "/nothing", "//graphql", "/graphql/", "/GRAPHQL", "/graphql%00", "/%ff", "/graphql/../uploads", "/explorer/..%2f..%2fetc/passwd", "*", "http://evil.example/graphql", "graphql", "/" + "a" * 70_000]
)  # fmt: skip
_TARGETS = st.builds(lambda path, query: f"{path}?{query}" if query else path, _PATHS, st.just("") | _PARAMETERS | _STRANGE_PARAMETERS)  # fmt: skip

_METHODS = st.sampled_from(["POST"] * 8 + ["GET"] * 4 + ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "post", "QUERY", "P\x00ST", "", "A" * 300])  # fmt: skip
_CONTENT_TYPES = st.sampled_from(
    ["application/json"] * 10
    + ["application/json; charset=utf-8", "application/json;charset=utf-16", 'application/json; charset="', "application/json; charset=\x80", "APPLICATION/JSON", "application/graphql", "application/graphql+json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data", "application/json, text/plain", "", ";", "x" * 5_000]
)  # fmt: skip
_HEADERS = {
    "Accept": st.sampled_from(["*/*", "application/json", "application/graphql-response+json", "text/event-stream", "text/event-stream, application/json", "multipart/mixed", "text/html", "", "*", "a/b;q=", "*/*;q=0", "application/json;q=" + _DIGITS, ",".join(["a/b"] * 500), "\xe4/*"]),
    "Accept-Encoding": st.sampled_from(["gzip", "br", "zstd", "gzip;q=0", "*", "identity;q=0", "gzip, br, zstd", "x", ";q=", "gzip;q=x"]),
    "Content-Encoding": st.sampled_from(["gzip", "deflate", "br", "zstd", "identity", "", "gzip, gzip", "x"]),
    "Authorization": st.sampled_from(["Bearer", "Bearer ", "Bearer x", "Basic eDp5", "bearer \xff\xfe", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "Bearer a.b.c", "Bearer " + "a" * 9_000, "Bearer x, Bearer y", "\t"]),
    "X-Api-Key": st.text(max_size=20),
    "X-Request-Timeout": st.sampled_from(["1", "0", "-1", "1e3", "nan", "inf", "", "0.000001", "999999", _DIGITS, "١", "1, 2"]),
    "X-Request-Id": st.sampled_from(["abc", "a b", "", "x" * 1_000, "a\tb", "\xff", "{}"]) | st.text(max_size=10),
    "X-Request-Cost": st.sampled_from(["1", "true", "0", "", "\xff"]),
    "Host": st.sampled_from(["", "evil.example", "localhost:99999999", "[::1", "127.0.0.1", "a b", "localhost, evil.example", "\xff"]),
    "Origin": st.sampled_from(["null", "http://evil.example", "", "http://localhost", "\xff"]),
    "Cookie": st.sampled_from(["a=b", "=", ";;;", "a=" + "b" * 5_000]),
    "Expect": st.sampled_from(["100-continue", "x"]),
    "Upgrade": st.sampled_from(["websocket", "h2c", "x"]),
    "Connection": st.sampled_from(["keep-alive", "close", "upgrade", "x", "close, upgrade"]),
    "Sec-WebSocket-Key": st.just("dGhlIHNhbXBsZSBub25jZQ=="),
    "Sec-WebSocket-Version": st.sampled_from(["13", "x"]),
    "Sec-WebSocket-Protocol": st.sampled_from(["graphql-transport-ws", "graphql-ws"]),
    "Range": st.sampled_from(["bytes=0-1", "bytes=9-1", "x"]),
    "X-Forwarded-For": st.sampled_from(["1.2.3.4", "x", "1.2.3.4, " * 200, "::1%\xff"]),
    "Forwarded": st.sampled_from(["for=1.2.3.4", 'for="_x', ";;"]),
    "Sec-Fetch-Site": st.sampled_from(["cross-site", "same-origin", "none", "x"]),
    "Apollo-Require-Preflight": st.just("1"),
    "apollographql-client-name": st.sampled_from(["web", "x" * 500, "\xff", "{}"]),
    "Access-Control-Request-Method": st.sampled_from(["POST", "x"]),
    "traceparent": st.sampled_from(["00-" + "a" * 32 + "-" + "b" * 16 + "-01", "x", "00-" + "0" * 32 + "-" + "0" * 16 + "-00"]),
    "If-None-Match": st.sampled_from(["*", '"x"', "x"]),
    "If-Modified-Since": st.sampled_from(["Sat, 01 Jan 2028 00:00:00 GMT", "x"]),
    "Idempotency-Key": st.text(max_size=5),
}  # fmt: skip
_FIELDS = st.lists(
    st.sampled_from(sorted(_HEADERS)).flatmap(
        lambda name: _HEADERS[name].map(lambda value: f"{name}: {value}".encode("utf-8", "replace"))
    ),
    max_size=4,
)
_STRANGE_FIELDS = st.sampled_from(
    [b"X: a\r\n b", b"X : a", b": a", b"X", b"X: a\nY: b", b"X: \x00", b"\x00: a", b"X: " + b"a" * 70_000, b"\r\n".join(b"X%d: a" % n for n in range(300)), b"\xff\xfe: a", b"X: \rY", b"X:a\r\nX:b", b"Transfer-Encoding: \x0bchunked"]
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What goes over the wire.

    Attributes:
        sent: All of it.
        method: What its answer's form depends on.
        whole: Whether the server should see its end; if not, it may wait for more.
    """

    sent: bytes
    method: str
    whole: bool


def chunked(body: bytes, size: int) -> bytes:
    """A body in chunks."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def framings(body: bytes) -> list[tuple[list[bytes], bytes, bool]]:
    """Fields and bytes for a body, and whether it ends: the first few right, the others not."""
    length = b"Content-Length: %d" % len(body)
    te = b"Transfer-Encoding: chunked"
    return [
        ([length], body, True),
        ([te], chunked(body, 1_000), True),
        ([te], b"0\r\n\r\n", True),
        ([], b"", True),
        ([b"Content-Length: %d" % (len(body) + 10)], body, False),
        ([b"Content-Length: %d" % (len(body) // 2)], body, True),
        ([b"Content-Length: 99999999999999999999999"], body, False),
        ([b"Content-Length: 2000000"], body, False),
        ([b"Content-Length: -1"], body, True),
        ([b"Content-Length: 0x10"], body, True),
        ([b"Content-Length: +5"], body, True),
        ([b"Content-Length: 1, 1"], body, True),
        ([length, b"Content-Length: 1"], body, True),
        ([length, te], chunked(body, 1_000), True),
        ([te, length], body, True),
        ([te, te], chunked(body, 1_000), True),
        ([b"Transfer-Encoding: gzip, chunked"], chunked(body, 1_000), True),
        ([b"Transfer-Encoding: chunked, identity"], chunked(body, 1_000), False),
        ([b"Transfer-Encoding: xchunked"], body, False),
        ([te], body, False),
        ([te], b"ffffffffffffffffffffff\r\n" + body, False),
        ([te], b"-1\r\n" + body, False),
        ([te], b"5;" + b"x" * 20_000 + b"\r\nhello\r\n0\r\n\r\n", True),
        ([te], chunked(body, 1_000)[:-5], False),
        ([te], chunked(body, 1_000)[:-2] + b"Host: evil.example\r\nX: \x00\r\n\r\n", True),
    ]


_USUAL = (0,) * 60
_ODD = tuple(range(len(framings(b""))))


def _request(
    method: str,
    target: str,
    version: str,
    content_type: str,
    fields: list[bytes],
    strange: bytes | None,
    body: bytes,
    framing: int,
) -> Request:
    framed, content, whole = framings(b"" if method in {"GET", "HEAD"} and framing == 0 else body)[framing]
    named = {field.partition(b":")[0].lower() for field in fields}
    usual = [] if b"host" in named else [b"Host: localhost"]
    usual += [b"Content-Type: " + content_type.encode("utf-8")] if content_type else []
    more = [] if strange is None else [strange]
    head = b"\r\n".join([f"{method} {target} {version}".encode(), *usual, *fields, *more, *framed])
    # An upgraded or half-read connection is no longer HTTP: then there is nothing more to expect.
    return Request(
        head + b"\r\n\r\n" + content, method, whole and strange is None and b"upgrade" not in named
    )


REQUESTS: st.SearchStrategy[Request] = st.one_of(
    st.builds(
        _request,
        _METHODS,
        _TARGETS,
        st.sampled_from(["HTTP/1.1"] * 12 + ["HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "ICY/1.0", ""]),
        _CONTENT_TYPES,
        _FIELDS,
        st.sampled_from([False] * 9 + [True]).flatmap(lambda odd: _STRANGE_FIELDS if odd else st.none()),
        _BODIES,
        st.sampled_from(_USUAL + _ODD),
    ),
    # A usual one but for its body.
    st.builds(
        _request,
        st.just("POST"),
        st.just("/graphql"),
        st.just("HTTP/1.1"),
        st.just("application/json"),
        _FIELDS,
        st.none(),
        _BODIES,
        st.just(0),
    ),
    st.binary(min_size=1, max_size=300).map(lambda sent: Request(sent, "GET", whole=False)),
)
