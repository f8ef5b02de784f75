"""Asks the gateway beside it whether it is well: the exit code is 0 if so, else 1.

usage: healthcheck.py [PATH]      /healthz unless named; /readyz tells whether it takes requests
"""  # noqa: INP001 - a file of the image, in no package

import os
import sys
from http.client import HTTPConnection, HTTPException


def main() -> int:
    """Ask once. Host and port are those of the gateway's own variables."""
    path = sys.argv[1] if len(sys.argv) > 1 else "/healthz"
    host = os.environ.get("HELPDESK_GATEWAY_SERVER__HOST") or "127.0.0.1"
    port = os.environ.get("HELPDESK_GATEWAY_SERVER__PORT") or "8000"
    # urllib.request would ask the proxy that HTTP_PROXY names.
    connection = HTTPConnection(host, int(port), timeout=3)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        sys.stderr.write(f"{host} port {port} doesn't answer: {error}\n")
        return 1
    finally:
        connection.close()
    sys.stdout.write(f"{path}: {status}\n")
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
