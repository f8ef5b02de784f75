"""Secrets that are given as files."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from gateway.observability.logs import configure_logs
from gateway.security.secret_files import (
    MAX_BYTES,
    Resolved,
    UnusableSecret,
    holds_secrets,
    openness,
    read_secret,
    reread,
    resolve_files,
    warn_of_open_files,
)


class Store(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr = SecretStr("none")
    log_file: str | None = None


class Optional(BaseModel):
    key: SecretStr | None = None


class Root(BaseModel):
    store: Store = Store()
    optional: Optional | None = None
    headers: Mapping[str, SecretStr] = {}
    name: str = "x"
    sources: Mapping[str, Store] = {}


class Desk(BaseModel):
    kind: str
    user: str | None = None
    token: SecretStr | None = None


KINDS: Mapping[str, type[BaseModel]] = {"desk": Desk}


def resolved(data: Mapping[str, Any]) -> Resolved:
    return resolve_files(data, Root, KINDS)


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text("s3cret\n", encoding="utf-8")
    return str(path)


class TestResolving:
    def test_without_files_nothing_changes(self) -> None:
        data = {
            "store": {"url": "a", "log_file": "/var/log/x"},
            "headers": {"x-key": "b"},
            "sources": {"desk": {"kind": "desk", "token": "c"}, "odd": {"kind": "nope", "token_file": "d"}},
            "name": "y",
        }
        assert resolved(data) == Resolved(data, (), {})

    def test_a_file_stands_for_each_setting_that_is_a_secret(self, secret: str) -> None:
        given: dict[str, Any] = {
            "store": {"url_file": secret, "log_file": secret},
            "optional": {"key_file": secret},
            "headers": {"x-key_file": secret, "x-other": "b"},
            "sources": {"desk-pl": {"kind": "desk", "token_file": secret}},
        }
        assert resolved(given) == Resolved(
            {
                "store": {"url": "s3cret", "log_file": secret},
                "optional": {"key": "s3cret"},
                "headers": {"x-key": "s3cret", "x-other": "b"},
                "sources": {"desk-pl": {"kind": "desk", "token": "s3cret"}},
            },
            (),
            {
                ("store", "url"): Path(secret),
                ("optional", "key"): Path(secret),
                ("headers", "x-key"): Path(secret),
                ("sources", "desk-pl", "token"): Path(secret),
            },
        )
        assert "token_file" in given["sources"]["desk-pl"], "what was given stays as it was"

    def test_what_is_no_secret_has_no_file(self, secret: str) -> None:
        data = {"name_file": secret, "sources": {"desk": {"kind": "desk", "user_file": secret}}}
        assert resolved(data) == Resolved(data, (), {})

    def test_both_are_one_too_many(self, secret: str) -> None:
        data = {"sources": {"desk": {"kind": "desk", "token": "t0ken", "token_file": secret}}}
        answer = resolved(data)
        assert answer.problems == ("sources.desk.token_file: give either this or token",)
        assert answer.data == {"sources": {"desk": {"kind": "desk", "token": "t0ken"}}}

    def test_every_problem_is_told_under_its_key_with_the_path(self, tmp_path: Path) -> None:
        (tmp_path / "empty").write_text("\n", encoding="utf-8")
        assert resolved(
            {
                "store": {"url_file": f"{tmp_path}/missing"},
                "optional": {"key_file": f"{tmp_path}/empty"},
                "headers": {"x_file": 7},
                "sources": {"desk": {"kind": "desk", "token_file": ""}, "text": "desk"},
            }
        ).problems == (
            f"store.url_file: {tmp_path}/missing: No such file or directory",
            f"optional.key_file: {tmp_path}/empty: is empty",
            "headers.x_file: must be a path",
            "sources.desk.token_file: must be a path",
        )

    @pytest.mark.parametrize("data", [{"store": "x"}, {"sources": []}, {"optional": None}, {"headers": "x"}])
    def test_what_is_no_table_is_left_to_the_check(self, data: dict[str, Any]) -> None:
        assert resolved(data) == Resolved(data, (), {})

    def test_a_resolved_secret_shows_in_no_repr(self, secret: str) -> None:
        assert "s3cret" not in repr(resolved({"store": {"url_file": secret}}))


class TestReading:
    @pytest.mark.parametrize(
        ("content", "read"),
        [
            (b"s3cret", "s3cret"),
            (b"s3cret\n", "s3cret"),
            (b"s3cret\r\n", "s3cret"),
            (b"s3cret\n\n", "s3cret"),
            (b" s3cret ", " s3cret "),
            ("żółw".encode(), "żółw"),
            (b"x" * MAX_BYTES, "x" * MAX_BYTES),
        ],
    )
    def test_the_line_end_is_not_part_of_it(self, tmp_path: Path, content: bytes, read: str) -> None:
        (tmp_path / "secret").write_bytes(content)
        assert read_secret(tmp_path / "secret") == read

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "is empty"),
            (b" \n", "is empty"),
            (b"s3cret\xff", "is not UTF-8"),
            (b"s3cret\ns3cret", "holds more than one line, or control characters"),
            (b"s3cret\x00", "holds more than one line, or control characters"),
            (b"s3cret" * MAX_BYTES, f"is larger than {MAX_BYTES} bytes"),
        ],
    )
    def test_what_holds_no_secret_is_refused_without_a_word_of_it(
        self, tmp_path: Path, content: bytes, said: str
    ) -> None:
        (tmp_path / "secret").write_bytes(content)
        with pytest.raises(UnusableSecret) as refused:
            read_secret(tmp_path / "secret")
        assert str(refused.value) == said
        assert refused.value.__cause__ is None

    def test_only_a_file_is_read(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for name, said in (
            ("", "is no file"),
            ("pipe", "is no file"),
            ("missing", "No such file or directory"),
            ("nul\0", "is no path"),
        ):
            with pytest.raises(UnusableSecret) as refused:
                read_secret(Path(f"{tmp_path}/{name}"))
            assert str(refused.value) == said


class TestRereading:
    def test_settings_get_what_the_files_hold_now(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        before = Desk(kind="desk", user="u", token=SecretStr("old"))
        path.write_text("old", encoding="utf-8")
        assert reread(before, {"token": path}) == before
        path.write_text("new\n", encoding="utf-8")
        assert reread(before, {"token": path}) == Desk(kind="desk", user="u", token=SecretStr("new"))

    def test_a_file_that_gives_none_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UnusableSecret) as refused:
            reread(Desk(kind="desk"), {"token": tmp_path / "gone"})
        assert str(refused.value) == f"token_file: {tmp_path}/gone: No such file or directory"


@pytest.mark.parametrize(
    ("data", "holds"),
    [
        ({}, False),
        ({"name": "x", "store": {"log_file": "x", "url_file": "y"}}, False),
        ({"store": {"url": "x"}}, True),
        ({"optional": {"key": "x"}, "name": "x"}, True),
        ({"headers": {"x-key_file": "x"}}, False),
        ({"headers": {"x-key": "x"}}, True),
        ({"sources": {"desk": {"kind": "desk", "token": "x"}}}, True),
        (
            {"sources": {"desk": {"kind": "desk", "token_file": "x", "user": "u"}, "odd": {"kind": "x"}}},
            False,
        ),
    ],
)
def test_a_configuration_holds_secrets_or_only_names_them(data: dict[str, Any], holds: bool) -> None:
    assert holds_secrets(data, Root, KINDS) is holds


class TestOpenFiles:
    @pytest.mark.parametrize(
        ("mode", "told"),
        [
            (0o600, None),
            (0o400, None),
            (0o700, None),
            (0o640, ("0640", "chmod 600")),
            (0o604, ("0604", "chmod 600")),
            (0o644, ("0644", "chmod 600")),
            (0o622, ("0622", "chmod 600")),
            (0o602, ("0602", "chmod 600")),
        ],
    )
    def test_a_file_of_ours_is_ours_alone(
        self, tmp_path: Path, mode: int, told: tuple[str, str] | None
    ) -> None:
        path = tmp_path / "secret"
        path.write_text("s3cret", encoding="utf-8")
        path.chmod(mode)
        assert openness(path) == told

    @pytest.mark.parametrize(
        ("mode", "told"),
        [
            (0o640, None),
            (0o440, None),
            (0o660, ("0660", "chmod 640, with the service's group")),
            (0o644, ("0644", "chmod 640, with the service's group")),
        ],
    )
    def test_another_owners_file_may_be_read_by_the_group(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, told: tuple[str, str] | None
    ) -> None:
        path = tmp_path / "secret"
        path.write_text("s3cret", encoding="utf-8")
        path.chmod(mode)
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
        assert openness(path) == told

    def test_what_kubernetes_mounts_is_for_the_container_alone(self, tmp_path: Path) -> None:
        """As it lays volumes out: a link to `..data`, a link to a dated folder."""
        dated = tmp_path / "..2026_11_22_10_30_00.123"
        dated.mkdir()
        (dated / "token").write_text("s3cret", encoding="utf-8")
        (dated / "token").chmod(0o644)
        (tmp_path / "..data").symlink_to(dated.name)
        (tmp_path / "token").symlink_to("..data/token")
        assert openness(tmp_path / "token") is None
        assert read_secret(tmp_path / "token") == "s3cret"

    def test_what_docker_mounts_is_too(self) -> None:
        assert openness(Path("/run/secrets/token")) is None
        assert openness(Path("/var/run/secrets/token")) is None

    def test_a_file_that_is_gone_is_not_told_of(self, tmp_path: Path) -> None:
        assert openness(tmp_path / "gone") is None

    def test_each_is_told_once_without_its_content(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "secret"
        path.write_text("s3cret", encoding="utf-8")
        path.chmod(0o644)
        configure_logs()
        warn_of_open_files([path, path, tmp_path / "gone"])
        (line,) = capsys.readouterr().err.splitlines()
        for part in (
            '"event": "secret_file_open"',
            f'"path": "{path}"',
            '"mode": "0644"',
            '"level": "warning"',
        ):
            assert part in line
        assert "s3cret" not in line
