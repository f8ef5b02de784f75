"""The configuration: one TOML file and environment variables, checked as a whole at start.

`HELPDESK_GATEWAY_SOURCES__SUPPORT_PL__API_PASSWORD=...` sets `sources.support-pl.api_password`: levels
are parted by two underscores, and an underscore stands for a hyphen of a source's key too. A variable
wins over the file. A secret may come from a file of its own: `api_password_file`, and so
`..._API_PASSWORD_FILE`. Nothing here is read at import.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)

from gateway.domain.errors import ConfigError
from gateway.domain.ledger import Retention
from gateway.http.settings import ConnectionSettings, CorsSettings, HeaderSettings
from gateway.observability.settings import MetricsSettings, TracingSettings
from gateway.security.auth_settings import AuthSettings
from gateway.security.document_settings import DocumentSettings
from gateway.security.limit_settings import LimitSettings, RateSettings
from gateway.security.secret_files import Place, holds_secrets, resolve_files
from gateway.sources.registry import SPECS
from gateway.sources.spec import SourceSettings, SourceSpec
from gateway.store.address import parse as parse_ledger_url

PREFIX = "HELPDESK_GATEWAY_"
FILE_VARIABLE = f"{PREFIX}CONFIG"
# What Kubernetes sets in every container beside a Service named helpdesk-gateway.
_SERVICE_LINK = re.compile(rf"{PREFIX}(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
_SOURCE_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def _known_database(url: SecretStr) -> SecretStr:
    parse_ledger_url(url.get_secret_value())
    return url


LedgerUrl = Annotated[SecretStr, AfterValidator(_known_database)]


class ServerSettings(BaseModel):
    """Where the gateway listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1", description="Address to listen on; beyond loopback only with `auth.required`."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    explorer: bool = Field(False, description="Serve GraphiQL to browsers at /graphql.")
    introspection: bool | None = Field(
        None,
        description="Answer `__schema` and `__type`, and suggest names in errors. Unset: where the explorer "
        "is served.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        ("localhost", "127.0.0.1", "[::1]"),
        description="Host names that requests may carry; others are refused, so that no web page can reach "
        "the gateway under a name of its own.",
    )

    @property
    def tells_schema(self) -> bool:
        """Whether callers may ask for the schema."""
        return self.explorer if self.introspection is None else self.introspection


class LedgerSettings(BaseModel):
    """Where writes are recorded, and how long that is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: LedgerUrl = Field(
        SecretStr("sqlite:///helpdesk-gateway.db"),
        description="sqlite:///FILE, for processes of one machine, or postgresql://USER:PASSWORD@HOST/DATABASE.",
    )
    keep_keys_days: float = Field(
        7, gt=0, le=3650, description="A key stands for its write this long after the outcome was known."
    )
    keep_bodies_days: float = Field(
        30,
        ge=0,
        le=3650,
        description="What was written is kept this long after the outcome was known, to show what no source "
        "reads back. 0 keeps nothing but a hash once the outcome is known.",
    )
    keep_entries_days: float = Field(
        365,
        gt=0,
        le=36500,
        description="That something was written, when, by whom and to what is kept this long.",
    )
    keep_audit_days: float = Field(
        730,
        ge=31,
        le=36500,
        description="Events of the audit log are kept this long. The database itself refuses to delete what "
        "is younger than 30 days.",
    )
    reconcile_every_s: float = Field(
        5.0, gt=0, le=3600, description="Pause between two looks for writes in doubt whose time has come."
    )

    @model_validator(mode="after")
    def _nested(self) -> "LedgerSettings":
        if not max(self.keep_keys_days, self.keep_bodies_days) <= self.keep_entries_days:
            raise ValueError("keep_entries_days can't be less than keep_keys_days or keep_bodies_days")
        if self.keep_audit_days < self.keep_entries_days:
            raise ValueError("keep_audit_days can't be less than keep_entries_days")
        return self

    def retention(self, now: datetime) -> Retention:
        """What may go now."""
        return Retention(
            keys_before=now - timedelta(days=self.keep_keys_days),
            bodies_before=now - timedelta(days=self.keep_bodies_days),
            entries_before=now - timedelta(days=self.keep_entries_days),
            events_before=now - timedelta(days=self.keep_audit_days),
        )


class OperationSettings(BaseModel):
    """What one operation may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout_s: float = Field(
        10.0, gt=0, le=300, description="An answer comes within this, with what has arrived by then."
    )
    max_timeout_s: float = Field(
        30.0, gt=0, le=300, description="What a caller may ask for at most, with `X-Request-Timeout`."
    )
    max_calls: int = Field(150, ge=1, description="REST calls that one operation may cause, in all.")
    max_calls_per_source: int = Field(60, ge=1, description="REST calls that it may cause to one source.")
    plans: bool = Field(
        True, description="Compile operations into plans. Off, graphql-core runs them, which takes longer."
    )

    @model_validator(mode="after")
    def _ordered(self) -> "OperationSettings":
        if self.timeout_s > self.max_timeout_s:
            raise ValueError("timeout_s can't be more than max_timeout_s")
        return self


class ForwardingSettings(BaseModel):
    """What is needed where callers forward credentials of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Random text of 32 or more characters, the same in all processes: turns a caller's "
        "credential into an id that the ledger may keep. Change it, and callers lose sight of their writes.",
    )


class Settings(BaseModel):
    """Everything that can be configured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: ServerSettings = ServerSettings()
    ledger: LedgerSettings = LedgerSettings()
    operations: OperationSettings = OperationSettings()
    documents: DocumentSettings = DocumentSettings()
    limits: LimitSettings = LimitSettings()
    rate_limits: RateSettings = RateSettings()
    cors: CorsSettings = CorsSettings()
    headers: HeaderSettings = HeaderSettings()
    connections: ConnectionSettings = ConnectionSettings()
    forwarding: ForwardingSettings = ForwardingSettings()
    metrics: MetricsSettings = MetricsSettings()
    tracing: TracingSettings = TracingSettings()
    auth: AuthSettings = AuthSettings()
    sources: Mapping[str, SourceSettings] = {}

    _secret_files: Mapping[Place, Path] = PrivateAttr(default_factory=dict)

    @property
    def secret_files(self) -> Mapping[Place, Path]:
        """The files that secrets came from, by the keys that lead to each; () for the configuration's own."""
        return self._secret_files

    def files_of_source(self, key: str) -> Mapping[str, Path]:
        """Those of one source, by the names of its settings."""
        return {place[2]: path for place, path in self._secret_files.items() if place[:2] == ("sources", key)}


Specs = Mapping[str, SourceSpec[Any]]


def load(path: Path | None, environ: Mapping[str, str], *, specs: Specs = SPECS) -> Settings:
    """Read and check the configuration.

    Args:
        path: The TOML file; None for the environment alone.
        environ: The environment's variables.
        specs: The kinds of sources there are.
    Raises:
        ConfigError: With every problem, each under its key.
    """
    data: dict[str, Any] = {}
    kinds = {kind: spec.settings for kind, spec in specs.items()}
    secrets_within = False
    if path is not None:
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError([f"{path}: {error.strerror}"]) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError([f"{path}: not TOML: {error}"]) from error
        secrets_within = holds_secrets(data, Settings, kinds)
    for keys, value in _variables(environ):
        _put(data, keys, value)
    settings = check(data, specs=specs)
    if path is not None and secrets_within:
        settings._secret_files = {(): path, **settings.secret_files}  # noqa: SLF001 - its own
    return settings


def check(data: Mapping[str, Any], *, specs: Specs = SPECS) -> Settings:
    """Check a configuration given as plain data.

    Raises:
        ConfigError: With every problem, each under its key.
    """
    resolved = resolve_files(data, Settings, {kind: spec.settings for kind, spec in specs.items()})
    problems, data = [*resolved.problems], resolved.data
    given = data.get("sources", {})
    if not isinstance(given, Mapping):
        problems.append("sources: must be a table with a table per source, such as [sources.support]")
        given = {}
    checked = {key: _source(key, each, specs, problems) for key, each in given.items()}
    rest = {key: value for key, value in data.items() if key != "sources"}
    try:
        settings = Settings.model_validate({**rest, "sources": {}})
    except ValidationError as error:
        problems += _described(error, "")
        raise ConfigError(_causes(problems)) from error
    problems += [
        f"tracing.propagate_to: there is no source `{key}`"
        for key in settings.tracing.propagate_to
        if key not in checked
    ]
    if settings.forwarding.id_key is None:
        problems += [
            f"forwarding.id_key: is missing; sources.{key} needs it, as callers forward their credentials"
            for key, each in checked.items()
            if each is not None and each.enabled and each.forwards
        ]
    if problems:
        raise ConfigError(_causes(problems))
    sources = {key: each for key, each in checked.items() if each is not None}
    settings = settings.model_copy(update={"sources": sources})
    settings._secret_files = resolved.files  # noqa: SLF001 - its own
    return settings


def _source(key: str, given: object, specs: Specs, problems: list[str]) -> SourceSettings | None:
    where = f"sources.{key}"
    if not _SOURCE_KEY.fullmatch(key):
        problems.append(f"{where}: a source's key has lower-case letters, digits, - and _, a letter first")
        return None
    if not isinstance(given, Mapping):
        problems.append(f"{where}: must be a table")
        return None
    spec = specs.get(str(given.get("kind", "")))
    if spec is None:
        problems.append(f"{where}.kind: must be one of {', '.join(specs)}")
        return None
    settings: SourceSettings | None = None
    try:
        settings = spec.settings.model_validate(dict(given))
    except ValidationError as error:
        problems += _described(error, where)
    problems += [f"{where}.{key}: {said}" for key, said in spec.settings.credential_problems(given)]
    return settings


def _causes(problems: list[str]) -> list[str]:
    """Without what is missing only because its file gave none."""
    unread = {each.partition("_file: ")[0] for each in problems if "_file: " in each}
    return [each for each in problems if each.partition(": is missing")[0] not in unread]


def _described(error: ValidationError, where: str) -> list[str]:
    """Each problem with its key. The value is left out: it may be a secret."""
    described = []
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        key = ".".join(part for part in (where, *map(str, each["loc"])) if part)
        message = {"missing": "is missing", "extra_forbidden": "is no setting; check its spelling"}.get(
            each["type"], each["msg"]
        )
        described.append(f"{key}: {message}")
    return described


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[list[str], Any]]:
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name == FILE_VARIABLE or _SERVICE_LINK.fullmatch(name):
            continue
        keys = name.removeprefix(PREFIX).lower().split("__")
        yield keys, _value(text)


def _value(text: str) -> Any:
    """A variable's value; lists and tables are written as JSON."""
    if text[:1] in {"[", "{"}:
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return text


def _put(data: dict[str, Any], keys: list[str], value: Any) -> None:
    table: Any = data
    for level, key in enumerate(keys):
        if not isinstance(table, dict):
            return
        # The only names that may hold a hyphen are the sources' keys.
        name = next((known for known in table if level == 1 and known.replace("-", "_") == key), key)
        if level == len(keys) - 1:
            table[name] = value
        else:
            table = table.setdefault(name, {})
