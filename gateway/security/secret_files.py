"""Secrets in files of their own, as containers get them: `token_file = "/run/secrets/hub"` for `token`.

A name ending in `_file` stands for each setting that is a secret, in TOML as in a variable
(`HELPDESK_GATEWAY_SOURCES__HUB__TOKEN_FILE`). What a file holds appears in no message; its path may.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import structlog
from pydantic import BaseModel, SecretStr

SUFFIX = "_file"
MAX_BYTES = 64 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Docker and Kubernetes put secrets there for one container alone, with modes that say nothing: 0444, or
# 0644 behind a link to a folder whose name begins with two dots.
_CONTAINERS = Path("/run/secrets")

_log = structlog.get_logger("gateway.security")

# The keys that lead to a setting.
Place = tuple[str, ...]
M = TypeVar("M", bound=BaseModel)


class UnusableSecret(Exception):
    """A file that gives no secret; the text says why, and nothing of its content."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration as if every secret stood in it.

    Attributes:
        problems: Each under its key.
        files: Where the secrets at these places came from.
    """

    data: dict[str, Any] = field(repr=False)
    problems: tuple[str, ...]
    files: Mapping[Place, Path]


def resolve_files(
    data: Mapping[str, Any], model: type[BaseModel], kinds: Mapping[str, type[BaseModel]]
) -> Resolved:
    """Read every secret that is given as a file.

    Args:
        data: The configuration as plain data, variables included.
        model: What it is checked against.
        kinds: What each table of `sources` is checked against, by its `kind`.
    """
    problems: list[str] = []
    files: dict[Place, Path] = {}
    resolved = _table(data, model, (), problems, files)
    sources = resolved.get("sources")
    if isinstance(sources, Mapping):
        resolved["sources"] = {
            key: _table(each, kinds[str(each.get("kind"))], ("sources", str(key)), problems, files)
            if isinstance(each, Mapping) and str(each.get("kind")) in kinds
            else each
            for key, each in sources.items()
        }
    return Resolved(resolved, tuple(problems), files)


def holds_secrets(
    data: Mapping[str, Any], model: type[BaseModel], kinds: Mapping[str, type[BaseModel]]
) -> bool:
    """Whether a secret stands in a configuration itself."""
    sources = data.get("sources")
    tables = sources.values() if isinstance(sources, Mapping) else ()
    return _table_holds_secrets(data, model) or any(
        _table_holds_secrets(each, kinds[str(each["kind"])])
        for each in tables
        if isinstance(each, Mapping) and str(each.get("kind")) in kinds
    )


def _table_holds_secrets(given: Mapping[str, Any], model: type[BaseModel]) -> bool:
    for name, value in given.items():
        known = model.model_fields.get(name)
        if known is None:
            continue
        if get_origin(known.annotation) is Mapping:
            inside = SecretStr in _types(get_args(known.annotation)[1]) and isinstance(value, Mapping)
            if inside and not all(str(key).endswith(SUFFIX) for key in value):
                return True
            continue
        for inner in _types(known.annotation):
            if inner is SecretStr:
                return True
            nested = issubclass(inner, BaseModel) and isinstance(value, Mapping)
            if nested and _table_holds_secrets(value, inner):
                return True
    return False


def read_secret(path: Path) -> str:
    """What a file holds, without the line end after it.

    Raises:
        UnusableSecret: It can't be read, or holds no secret.
    """
    try:
        # A pipe would be waited for.
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnusableSecret("is no file")
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnusableSecret(error.strerror or "can't be read") from error
    except ValueError as error:
        raise UnusableSecret("is no path") from error
    if len(content) > MAX_BYTES:
        raise UnusableSecret(f"is larger than {MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        # Not as its cause: that holds what was read.
        raise UnusableSecret("is not UTF-8") from None
    if not text.strip():
        raise UnusableSecret("is empty")
    if _CONTROL.search(text):
        raise UnusableSecret("holds more than one line, or control characters")
    return text


def reread(settings: M, files: Mapping[str, Path]) -> M:
    """Settings with their secrets as the files hold them now.

    Args:
        settings: As they were.
        files: By the setting's name.
    Raises:
        UnusableSecret: One of them gives no secret; the text names it.
    """
    fresh = {}
    for name, path in files.items():
        try:
            fresh[name] = SecretStr(read_secret(path))
        except UnusableSecret as error:
            raise UnusableSecret(f"{name}{SUFFIX}: {path}: {error}") from error.__cause__
    return settings.model_copy(update=fresh)


def warn_of_open_files(paths: Iterable[Path]) -> None:
    """Log which files with secrets others on this machine can read or change."""
    for path in dict.fromkeys(paths):
        problem = openness(path)
        if problem is not None:
            mode, advice = problem
            _log.warning("secret_file_open", path=str(path), mode=mode, advice=advice)


def openness(path: Path) -> tuple[str, str] | None:
    """The mode of a file that is open to others, and what would be right; None if it isn't.

    Others may not read or write it. The group may read what someone else owns, as that is how one gives a
    service its secret. What was mounted into a container is for that container alone.
    """
    if not hasattr(os, "geteuid") or _is_mounted(path):
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    own = found.st_uid == os.geteuid()
    allowed = stat.S_IRWXU | (0 if own else stat.S_IRGRP)
    mode = stat.S_IMODE(found.st_mode)
    if not mode & ~allowed & (stat.S_IRWXO | stat.S_IRGRP | stat.S_IWGRP):
        return None
    return f"{mode:04o}", "chmod 600" if own else "chmod 640, with the service's group"


def _is_mounted(path: Path) -> bool:
    places = (path.absolute(), path.resolve())
    return any(
        place.is_relative_to(_CONTAINERS) or place.is_relative_to(Path("/var") / "run/secrets")
        for place in places
    ) or any(part.startswith("..") and part != ".." for part in places[1].parts)


def _table(
    given: Mapping[str, Any],
    model: type[BaseModel],
    place: Place,
    problems: list[str],
    files: dict[Place, Path],
) -> dict[str, Any]:
    resolved = dict(given)
    for name, value in given.items():
        known = model.model_fields.get(name)
        if known is None or not isinstance(value, Mapping):
            continue
        if get_origin(known.annotation) is Mapping:
            if SecretStr in _types(get_args(known.annotation)[1]):
                resolved[name] = _named(value, value.keys(), (*place, name), problems, files)
        else:
            for inner in _types(known.annotation):
                if issubclass(inner, BaseModel):
                    resolved[name] = _table(value, inner, (*place, name), problems, files)
    secrets = {name for name, each in model.model_fields.items() if SecretStr in _types(each.annotation)}
    plain = model.model_fields.keys() - secrets
    return _named(resolved, [name for name in given if name not in plain], place, problems, files, secrets)


def _named(
    given: Mapping[str, Any],
    names: Iterable[str],
    place: Place,
    problems: list[str],
    files: dict[Place, Path],
    secrets: set[str] | None = None,
) -> dict[str, Any]:
    """A table with the secrets in place of the files; `secrets` None: all in it are."""
    resolved = dict(given)
    for name in list(names):
        secret = name.removesuffix(SUFFIX)
        if secret == name or (secrets is not None and secret not in secrets):
            continue
        where = ".".join((*place, name))
        path = resolved.pop(name)
        if secret in given:
            problems.append(f"{where}: give either this or {secret}")
        elif not isinstance(path, str) or not path:
            problems.append(f"{where}: must be a path")
        else:
            try:
                resolved[secret] = read_secret(Path(path))
                files[*place, secret] = Path(path)
            except UnusableSecret as error:
                problems.append(f"{where}: {path}: {error}")
    return resolved


def _types(annotation: Any) -> Iterator[type[Any]]:
    if get_origin(annotation) in {Union, UnionType}:
        for each in get_args(annotation):
            yield from _types(each)
    elif hasattr(annotation, "__metadata__"):
        yield from _types(get_args(annotation)[0])
    elif isinstance(annotation, type):
        yield annotation
