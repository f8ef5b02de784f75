"""uvicorn by itself: sends bytes that stand ready, by path."""

import os
from pathlib import Path

ANSWERS = {
    f"/{path.stem}": path.read_bytes() for path in Path(os.environ["BENCH_ANSWERS"]).glob("*.answer")
}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    answer = ANSWERS[scope["path"]]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
