"""The names of the settings that the run depends on, in one place, and the configuration that it uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from gateway.commands.dev import sandbox_sources
from gateway.config import Settings
from gateway.sandbox import Running, Sandbox
from gateway.sources.spec import SourceSettings
from tests.callers import NO_LOGIN

TIMEOUT_HEADER = "X-Request-Timeout"
_OPERATIONS = "operations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How the gateway is set up for a part of a run; all that isn't named here is as `serve` has it.

    Attributes:
        deadline_s: Of every operation.
        attempt_timeout_s: For one call to a source. It leaves room in the deadline for another attempt.
        cache_ttl_s: 0 leaves nothing in the cache, so that every fault is seen.
        max_stale_s: How old what is shown instead of an error may be.
    """

    deadline_s: float = 1.0
    attempt_timeout_s: float = 0.4
    cache_ttl_s: float = 0.0
    max_stale_s: float = 0.0

    @property
    def is_cached(self) -> bool:
        """Whether something is kept."""
        return self.cache_ttl_s > 0


def configuration(
    variant: Variant, base_urls: Mapping[str, str], *, ledger_url: str
) -> tuple[dict[str, Any], list[str]]:
    """The gateway's settings, and those of them that it doesn't have, which are left out."""
    sources = sandbox_sources(Sandbox(), cast("Running", SimpleNamespace(base_urls=base_urls)))
    wanted = {
        "connect_timeout_s": variant.attempt_timeout_s,
        "read_timeout_s": variant.attempt_timeout_s,
        "attempt_timeout_s": variant.attempt_timeout_s,
        "cache_ttl_s": variant.cache_ttl_s,
        "max_stale_s": variant.max_stale_s,
    }
    unknown = sorted(set(wanted) - set(SourceSettings.model_fields))
    for source in sources.values():
        source |= {name: value for name, value in wanted.items() if name not in unknown}
    settings: dict[str, Any] = {
        **NO_LOGIN,
        # The run's first look around asks for many things at once.
        "limits": {"max_root_fields": 1_000, "max_aliases": 1_000},
        "server": {"port": 0},
        "ledger": {"url": ledger_url},
        "sources": sources,
    }
    if _OPERATIONS in Settings.model_fields:
        settings[_OPERATIONS] = {"timeout_s": variant.deadline_s}
    else:
        unknown.append(f"[{_OPERATIONS}] timeout_s")
    return settings, unknown
