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
    (line,) = logged(
        """
        import logging
        logging.getLogger("httpx").info("GET https://desk/api?token=hunter2")
        logging.getLogger("uvicorn.error").warning("Invalid %s received.", "HTTP request")
        """
    )
    event = json.loads(line)
    del event["timestamp"]
    assert event == {
        "event": "library_log",
        "level": "warning",
        "logger": "uvicorn.error",
        "message": "Invalid HTTP request received.",
    }


def test_a_request_that_is_cut_at_the_end_is_no_failure() -> None:
    lines = logged(
        """
        import asyncio, logging
        log = logging.getLogger("uvicorn.error")
        log.error("Exception in ASGI application", exc_info=asyncio.CancelledError("Task cancelled"))
        log.error("Exception in ASGI application", exc_info=ValueError("a fault"))
        """
    )
    assert [each["exception"][0]["exc_value"] for each in map(json.loads, lines)] == ["a fault"]


LIBRARIES = """
import asyncio, httpx, logging, warnings
logging.getLogger("httpx").warning("GET %s", "https://desk/api?token=hunter22")
logging.getLogger("asyncio").error("future: <Task exception=ValueError('Dear Ann')>")
try:
    raise httpx.ConnectError("https://desk/api?accessToken=hunter22 of jo@example.org for 'Dear Ann'")
except httpx.ConnectError as error:
    try:
        raise RuntimeError("Authorization: Bearer hunter22") from error
    except RuntimeError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\\n")
logging.getLogger("broken").error("%d of them", "hunter22")
"""


def test_what_libraries_log_passes_the_redactor_too() -> None:
    lines = logged(LIBRARIES)
    events = list(map(json.loads, lines))
    assert [(each["event"], each.get("logger"), each.get("message")) for each in events] == [
        ("library_log", "httpx", "GET https://desk/api?[redacted]"),
        ("library_log", "asyncio", "future: <Task exception=ValueError([redacted])>"),
        ("library_log", "uvicorn.error", "Exception in ASGI application\n"),
        ("library_log_lost", None, None),
    ]
    assert [(each["exc_type"], each["exc_value"]) for each in events[2]["exception"]] == [
        ("RuntimeError", "Authorization: [redacted]"),
        ("ConnectError", "https://desk/api?[redacted] of [redacted] for [redacted]"),
    ]
    for secret in ("hunter22", "Ann", "example.org"):
        assert secret not in "".join(lines)


def test_the_configurations_secrets_are_masked_once_they_are_known() -> None:
    lines = logged(
        """
        import structlog
        from gateway.observability.redaction import Redactor
        structlog.get_logger().info("first", detail="at hunter22")
        configure_logs(Redactor(["hunter22"]))
        structlog.get_logger().info("second", detail="at hunter22")
        import logging
        logging.getLogger("library").warning("at hunter22")
        """
    )
    assert [each.get("detail", each.get("message")) for each in map(json.loads, lines)] == [
        "at hunter22",
        "at [redacted]",
        "at [redacted]",
    ]


def test_a_line_inside_a_request_carries_its_id() -> None:
    (line,) = logged(
        """
        import logging
        from gateway.observability.request import Notes, enter
        enter(Notes("r-1"))
        logging.getLogger("library").warning("x")
        """
    )
    assert json.loads(line)["request_id"] == "r-1"


def test_a_line_inside_a_traced_request_carries_the_spans_ids() -> None:
    lines = logged(
        """
        import asyncio, structlog
        from gateway.observability.redaction import Redactor
        from gateway.observability.settings import TracingSettings
        from gateway.observability.tracing import Tracer, current, span
        async def main():
            tracer = Tracer(TracingSettings(endpoint="http://127.0.0.1:9/", sample_ratio=1), Redactor())
            async with tracer.exporting(last_spans_s=0.1):
                with tracer.request("POST /graphql"), span("query"):
                    structlog.get_logger().info("inside", trace_of_span=current().ids()["trace_id"])
                structlog.get_logger().info("outside")
        asyncio.run(main())
        """
    )
    inside, outside = [each for each in map(json.loads, lines) if each["event"].endswith("side")]
    assert re.fullmatch("[0-9a-f]{16}", inside["span_id"])
    assert inside["trace_id"] == inside["trace_of_span"]
    assert "trace_id" not in outside


CRASHES = """
import threading
from gateway.observability.logs import log_crashes
log_crashes()
def work():
    raise ValueError("token=hunter22")
thread = threading.Thread(target=work)
thread.start()
thread.join()
import warnings
warnings.warn("token=hunter22")
raise ValueError("token=hunter22 'Dear Ann'")
"""


def test_a_crash_is_an_event_like_others() -> None:
    program = f"from gateway.observability.logs import configure_logs\nconfigure_logs()\n{CRASHES}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment()
    )
    events = list(map(json.loads, done.stderr.splitlines()))
    assert (done.returncode, [each["event"] for each in events]) == (1, ["crashed", "library_log", "crashed"])
    assert [each["exception"][0]["exc_value"] for each in events if "exception" in each] == [
        "token=[redacted]",
        "token=[redacted] [redacted]",
    ]
    assert "hunter22" not in done.stderr


def test_for_people_an_event_is_a_line_of_words() -> None:
    first, second, *frames = logged(
        """
        import structlog
        configure_logs(readable=True)
        log = structlog.get_logger()
        log.warning("source_failed", source="desk", detail="token=hunter22 \\x1b[31m", count=3)
        try:
            raise ValueError("of 'Dear Ann'")
        except ValueError:
            log.exception("adapter_failed")
        """
    )
    assert re.sub(r"^\S+ ", "", first) == (
        "warning source_failed source='desk' detail='token=[redacted] \\x1b[31m' count=3"
    )
    assert re.sub(r"^\S+ ", "", second) == "error adapter_failed"
    assert frames == ["  ValueError: of [redacted]", "    <string>:9 <module>"]
