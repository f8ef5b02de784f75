import json
import re
import subprocess
import sys
import textwrap

from tests.processes import environment


def logged(code: str) -> list[str]:
    """The lines that a program with the gateway's logs writes to standard error."""
    program = "from gateway.observability.logs import configure_logs\nconfigure_logs()\n" + textwrap.dedent(
        code
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_an_event_is_one_line_of_json() -> None:
    (line,) = logged(
        """
        import structlog
        log = structlog.get_logger("gateway.test")
        log.debug("unseen")
        log.warning("source_failed", source="desk", detail="a\\nb")
        """
    )
    event = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", event.pop("timestamp"))
    assert event == {"event": "source_failed", "level": "warning", "source": "desk", "detail": "a\nb"}


def test_what_is_bound_to_the_context_stands_on_each_line() -> None:
    (line,) = logged(
        """
        import structlog
        structlog.contextvars.bind_contextvars(request_id="r-1")
        structlog.get_logger().info("x")
        """
    )
    assert json.loads(line)["request_id"] == "r-1"


def test_an_exception_has_its_frames_and_causes_but_no_locals() -> None:
    (line,) = logged(
        """
        import structlog
        def call(password):
            letter = "Dear " + password
            raise ValueError("inner")
        try:
            try:
                call("hunter2")
            except ValueError as error:
                token = "hunter2"
                raise RuntimeError("outer") from error
        except RuntimeError as error:
            structlog.get_logger().error("operation_failed", exc_info=error)
        """
    )
    assert "hunter2" not in line
    assert "Dear" not in line
    chain = json.loads(line)["exception"]
    assert [(each["exc_type"], each["exc_value"]) for each in chain] == [
        ("RuntimeError", "outer"),
        ("ValueError", "inner"),
    ]
    assert chain[1]["frames"][-1]["name"] == "call"
    assert {name for each in chain for frame in each["frames"] for name in frame} == {
        "filename",
        "lineno",
        "name",
    }


def test_libraries_are_heard_from_warnings_on() -> None:
    assert logged(
        """
        import logging
        logging.getLogger("httpx").info("GET https://desk/api?token=hunter2")
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
        """
    ) == ["WARNING uvicorn.error Invalid HTTP request received."]


def test_a_request_that_is_cut_at_the_end_is_no_failure() -> None:
    lines = logged(
        """
        import asyncio, logging
        log = logging.getLogger("uvicorn.error")
        log.error("Exception in ASGI application", exc_info=asyncio.CancelledError("Task cancelled"))
        log.error("Exception in ASGI application", exc_info=ValueError("a fault"))
        """
    )
    assert lines == ["ERROR uvicorn.error Exception in ASGI application", "ValueError: a fault"]
