"""uvicorn by itself: sends bytes that stand ready, by path."""

# It is written as most are, not as this project is.
# mypy: ignore-errors

import functools
import os
from pathlib import Path

FOLDER = Path(os.environ["BENCH_ANSWERS"])


@functools.cache
def ready(path):
    return (FOLDER / f"{path.strip('/')}.answer").read_bytes()


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    answer = ready(scope["path"])
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
