"""plain.py with the best ready-made parts: document caches, orjson, aiohttp. Its graph is plain.py's own."""

# It is written as most are, not as this project is.
# mypy: ignore-errors

from contextlib import asynccontextmanager

import aiohttp
import orjson
import strawberry
from starlette.applications import Starlette
from strawberry.extensions import ParserCache, ValidationCache

from bench.peers import plain


class Sources(plain.Sources):
    """The two REST APIs, asked with aiohttp."""

    def __init__(self) -> None:
        self.http = None

    async def get(self, url, **query):
        async with self.http.get(url, params=query) as response:
            response.raise_for_status()
            return orjson.loads(await response.read())

    async def newest_cases(self, limit):
        body = {"filters": {}, "pagination": {"offset": 0, "limit": limit}}
        async with self.http.post(f"{plain.HUB}/v3/search-cases", json=body) as response:
            response.raise_for_status()
            return orjson.loads(await response.read())["data"]


class Server(plain.Server):
    def decode_json(self, data):
        return orjson.loads(data)

    def encode_json(self, data):
        return orjson.dumps(data)


plain.SOURCES = Sources()
schema = strawberry.Schema(
    query=plain.Query,
    types=[plain.Case, plain.Ticket],
    extensions=[ParserCache, ValidationCache],
)


@asynccontextmanager
async def lifespan(_app):
    connector = aiohttp.TCPConnector(limit=128)
    async with aiohttp.ClientSession(connector=connector) as plain.SOURCES.http:
        yield


app = Starlette(lifespan=lifespan)
app.mount("/graphql", Server(schema))
