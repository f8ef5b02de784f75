"""The metrics' port, taken or not."""

import socket

from gateway.domain.errors import ConfigError
from gateway.observability.settings import MetricsSettings


def port_problems(settings: MetricsSettings) -> list[str]:
    """Why the metrics can't be served, to be told before the gateway starts."""
    if settings.port is None:
        return []
    try:
        listener_on(settings.host, settings.port).close()
    except ConfigError as error:
        return error.problems
    return []


def listener_on(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        ConfigError: The port can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        problem = f"metrics.port: can't listen on port {port} of {host}: {error.strerror}."
        raise ConfigError([f"{problem} Each process needs a port of its own."]) from error
    return listener
