"""What the image promises, read from the files that build it."""

import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from gateway import __version__
from gateway.commands.serve import GRACE_S
from tests.dev import Dev

ROOT = Path(__file__).parent.parent
HEALTHCHECK = ROOT / "deploy" / "healthcheck.py"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, continued lines joined."""
    lines = [line for line in read("Dockerfile").splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = [line.partition(" ") for line in joined.splitlines()]
    return [(word, re.sub(r"\s+", " ", rest)) for word, _, rest in found]


def final_stage() -> list[tuple[str, str]]:
    every = instructions()
    last = max(index for index, (word, _) in enumerate(every) if word == "FROM")
    return every[last:]


def test_every_stage_starts_from_the_base_that_can_be_chosen() -> None:
    every = instructions()
    assert every[0][0] == "ARG"
    assert re.fullmatch(r"BASE_IMAGE=docker\.io/library/python:3\.\d+-slim-[a-z]+", every[0][1])
    stages = [rest.split()[0] for word, rest in every if word == "FROM"]
    assert len(stages) > 1
    assert set(stages) == {"${BASE_IMAGE}"}


def test_it_runs_as_nobody() -> None:
    users = [rest for word, rest in instructions() if word == "USER"]
    assert final_stage()[-1] == ("USER", users[-1])
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", users[-1])


def test_the_shipped_stage_copies_from_the_build_alone() -> None:
    copied = [rest for word, rest in final_stage() if word == "COPY"]
    assert copied == ["--from=build /opt/helpdesk-gateway /opt/helpdesk-gateway"]
    assert "ADD" not in {word for word, _ in instructions()}


def test_packages_are_installed_by_their_hashes() -> None:
    commands = [part for word, rest in instructions() if word == "RUN" for part in rest.split(" && ")]
    installs = [part for part in commands if re.search(r"pip\b.* (install|wheel|download) ", part)]
    from_locks = {part.split("-r ")[1] for part in installs if "--require-hashes" in part}
    assert from_locks == {"requirements.lock", "requirements-build.lock"}
    # The rest takes what is there: the wheel of this project, built with the locked backend.
    rest = [part for part in installs if "--require-hashes" not in part]
    assert rest
    assert all("--no-index --no-deps" in part for part in rest)


def test_the_build_backend_is_pinned() -> None:
    wanted = {
        re.split(r"[^\w-]", each)[0]
        for each in tomllib.loads(read("pyproject.toml"))["build-system"]["requires"]
    }
    lock = read("requirements-build.lock")
    assert wanted <= set(re.findall(r"^([\w-]+)==", lock, re.MULTILINE))
    assert not re.search(r"https?://|--index|--find-links", lock)


def test_it_starts_the_gateway_without_a_shell() -> None:
    stage = dict(final_stage())
    assert stage["ENTRYPOINT"] == '["helpdesk-gateway"]'
    assert stage["CMD"] == '["serve"]'
    assert "PYTHONDONTWRITEBYTECODE=1" in stage["ENV"]
    assert f'image.version="{__version__}"' in stage["LABEL"]


def test_the_build_sees_the_product_alone() -> None:
    patterns = [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]
    # All is out; so are .git, .venv, tests, node_modules and a configuration with credentials.
    assert patterns[0] == "*"
    let_in = [each for each in patterns if each.startswith("!")]
    assert let_in == [
        "!deploy/healthcheck.py", "!gateway", "!pyproject.toml", "!README.md", "!requirements.lock",
        "!requirements-build.lock", "!resolvers",
    ]  # fmt: skip
    assert all((ROOT / each[1:]).exists() for each in let_in)
    out_again = patterns[1 + len(let_in) :]
    assert {"**/.git", "**/.venv", "**/node_modules", "**/__pycache__", "**/.*_cache"} <= set(out_again)


def test_the_health_check_asks_the_gateway(dev: Dev) -> None:
    check = dict(final_stage())["HEALTHCHECK"]
    assert check.endswith(f'CMD ["python3", "/opt/helpdesk-gateway/{HEALTHCHECK.name}"]')
    port = str(urlsplit(dev.url).port)
    for path in ((), ("/readyz",)):
        assert health(port, *path).returncode == 0
    assert health(port, "/nothing").returncode == 1


def test_the_health_check_fails_where_nothing_answers() -> None:
    # Bound and not listening: nobody else can take the port meanwhile.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = health(str(taken.getsockname()[1]))
    assert found.returncode == 1
    assert "doesn't answer" in found.stderr


def health(port: str, *path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, HEALTHCHECK, *path],
        env={"HELPDESK_GATEWAY_SERVER__PORT": port, "HTTP_PROXY": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_the_manual_names_what_the_image_has() -> None:
    manual = read("docs/deployment.md")
    stage = dict(final_stage())
    assert f"user and group {stage['USER'].split(':')[0]}" in manual
    assert f"`{stage['WORKDIR']}/helpdesk-gateway.toml`" in manual
    assert f"{GRACE_S} seconds for the requests" in manual


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")
