"""`dev`: the gateway on loopback, with the sandbox as its five sources. Reads no configuration."""

import sys
from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Any

from gateway import config
from gateway.commands.serve import run, run_to_end
from gateway.sandbox import Running, Sandbox
from gateway.sandbox.world.telecomx import DOCUMENTED_RESELLER
from gateway.store.migrate import migrate

_TRY = """\
{
  conversations(first: 5) {
    nodes { __typename subject status { value } requester { name } lastMessage { preview } }
    sources { source { name } state }
  }
}"""


def dev(*, port: int, with_cache: bool) -> int:
    """Run gateway and sandbox until a signal."""
    return run_to_end(_dev(port, {} if with_cache else {"cache_ttl_s": 0}))


async def _dev(port: int, changes: Mapping[str, Any]) -> None:
    sandbox = Sandbox()
    # The sandbox forgets everything when it stops, and so does the ledger of what was written to it.
    with TemporaryDirectory(prefix="helpdesk-gateway-") as folder:
        ledger_url = f"sqlite:///{folder}/ledger.db"
        await migrate(ledger_url)
        async with sandbox.serve() as running:
            settings = config.check(
                {
                    "server": {"port": port, "explorer": True},
                    "auth": {"required": False},
                    "rate_limits": {"enabled": False},
                    "ledger": {"url": ledger_url},
                    "sources": sandbox_sources(sandbox, running, **changes),
                },
            )
            await run(settings, announce=lambda url: _announce(url, running))


def sandbox_sources(sandbox: Sandbox, running: Running, **changes: Any) -> dict[str, dict[str, Any]]:
    """The configuration's `sources` for a served sandbox, as users write them; `changes` go to each."""
    credentials = {kind: service.credentials for kind, service in sandbox.services.items()}
    settings: dict[str, dict[str, Any]] = {
        "tulo": {
            "client_id": credentials["tulo"]["clientId"],
            "client_secret": credentials["tulo"]["clientSecret"],
            "time_zone": "Europe/Stockholm",
        },
        "service_order_hub": {"token": credentials["service_order_hub"]["token"]},
        "netevia": {"token": credentials["netevia"]["token"]},
        "telecomx": {
            "username": credentials["telecomx"]["username"],
            "password": credentials["telecomx"]["password"],
            "reseller": DOCUMENTED_RESELLER,
            "help_centers": [
                {"id": each["id"], "name": each["name"], "email": each["emailAddress"]}
                for each in sandbox.world.telecomx.help_centers.values()
                if each["reseller"] == DOCUMENTED_RESELLER
            ],
        },
        "thulium": {
            "api_user": credentials["thulium"]["username"],
            "api_password": credentials["thulium"]["password"],
            "default_agent": "testowy.agent11",
            "default_mailbox": "pomoc@sklep.example",
            "reference_field": "gateway_ref",
            "statuses": {"1": "NEW", "2": "PENDING", "3": "OPEN", "4": "ON_HOLD", "6": "CLOSED"},
        },
    }
    return {
        # The sandbox applies nothing late unless it is told to, so there is little to wait for.
        kind: {"kind": kind, "base_url": running.base_urls[kind], "settling_s": 10, **each, **changes}
        for kind, each in settings.items()
    }


def _announce(url: str, running: Running) -> None:
    lines = [
        f"Explorer and GraphQL endpoint: {url}/graphql",
        "",
        "The sandbox's REST APIs:",
        *(f"  {kind:18} {base_url}" for kind, base_url in running.base_urls.items()),
        "",
        "To let one of them fail (docs/rehearsing.md):",
        f"  {running.fault_line('thulium')} --error 503:0.5",
        "",
        "A query to try:",
        _TRY,
        "",
        "Ctrl-C stops everything.",
        "",
    ]
    sys.stdout.write("\n".join(lines))
    sys.stdout.flush()
