"""nginx as the two sources: a file per answer, and a count of the requests."""

import asyncio
import shutil
import statistics
import sys
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.cores import Cores
from bench.ports import end, free_port, wait_for_port
from tests import processes

# `$arg_guid` and the like stand in file names as they came: nobody but the benchmark asks here.
_CONFIG = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  default_type application/json;
  types {{ }}
  etag off;
  if_modified_since off;
  add_header Last-Modified "";
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  open_file_cache max=20000 inactive=600s;
  open_file_cache_valid 600s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $arg_ticket_queue_id $queue {{ "" all; default $arg_ticket_queue_id; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {world};
    location = /requests {{ stub_status; }}
    location = /hub/api/v3/case {{ try_files /hub/case/$arg_guid.json =404; }}
    location = /hub/api/v3/case-messages {{ try_files /hub/case-messages/$arg_guid.json =404; }}
    # A static file takes no POST, but an error's page may be any.
    location = /hub/api/v3/search-cases {{ error_page 405 =200 /hub/search-cases.json; return 405; }}
    location = /hub/search-cases.json {{ internal; }}
    location = /thulium/api/tickets {{ try_files /thulium/queue/$queue.json =404; }}
    location ~ ^/thulium/api/((tickets|customers|agents)/[^/]+)$ {{ try_files /thulium/$1.json =404; }}
    location / {{ return 404; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the sources answer, and nginx itself."""

    port: int
    nginx_port: int

    async def requests(self) -> int:
        """How many requests it has had, this one included."""
        async with httpx.AsyncClient(trust_env=False) as http:
            response = await http.get(f"http://127.0.0.1:{self.nginx_port}/requests")
        # "server accepts handled requests", and a line of figures.
        return int(response.text.split("requests")[1].split()[2])

    async def round_trip_ms(self, path: str, *, times: int = 100) -> float:
        """What one answer takes at the median, asked for on an open connection with next to no client."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        took = []
        for _ in range(times):
            began = time.perf_counter()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].split()[0]
            await reader.readexactly(int(length))
            took.append((time.perf_counter() - began) * 1000)
        writer.close()
        return statistics.median(took)


@asynccontextmanager
async def running_nginx(folder: Path, world: Path, cores: Cores) -> AsyncIterator[Upstream]:
    """Serve a written world until the block ends."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise RuntimeError("nginx isn't there: `make bench` installs it, or your system's packages have it")
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, world=world, port=port))
    command = [*cores.for_load, program, "-p", str(folder), "-c", str(config)]
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL)
    try:
        await wait_for_port(port, process)
        yield Upstream(port, port)
    finally:
        await end(process)


@asynccontextmanager
async def delayed(upstream: Upstream, cores: Cores, *, delay_ms: float) -> AsyncIterator[Upstream]:
    """The same sources, each answer so much later."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(*cores.for_load, sys.executable, "-m", "bench.delay"),
        *(str(port), str(upstream.nginx_port), str(delay_ms)),
        stdin=DEVNULL,
        env=processes.environment(),
    )
    try:
        await wait_for_port(port, process)
        yield Upstream(port, upstream.nginx_port)
    finally:
        await end(process)
