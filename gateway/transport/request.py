"""What goes out, checked before a library sees it: libraries differ in what they repair silently.

httpx resolves `..`; reqwest also resolves `%2e%2e`, takes a backslash for a slash, leaves out line ends, and
sends a header that isn't ASCII as UTF-8. An id from outside must reach the endpoint that it was meant for, or
nothing at all.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from gateway.domain.errors import SourceProtocolError
from gateway.transport.call import Call

# RFC 3986, section 3.3: `*( pchar / "/" )`.
_PATH = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")
_DOT_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2[Ee]){1,2}(?:/|$)")
# RFC 9110, sections 5.1 and 5.5, without what a source might take for another character set.
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")


class Unsendable(ValueError):
    """A request that can't go out as it is; its text names the part, not what stands in it."""


def refusal(error: Unsendable, source: str, operation: str) -> SourceProtocolError:
    """Our error for a request that is kept from going out.

    It is no `SourceUnavailable`: an id that somebody made up must not count against the source.
    """
    refused = SourceProtocolError(source, detail=f"{operation}: {error} that can't be sent")
    refused.sent = False
    return refused


def url_of(base_url: str, call: Call) -> str:
    """Where a call goes. Its path stays below the base URL's, whatever it says.

    Raises:
        Unsendable: The path is not percent-encoded, or has dot segments; or the query is no text.
    """
    if not _PATH.fullmatch(call.path) or _DOT_SEGMENT.search(call.path):
        raise Unsendable("path")
    url = f"{base_url.rstrip('/')}/{call.path.lstrip('/')}"
    if not call.query:
        return url
    try:
        return f"{url}?{urlencode(call.query)}"
    except UnicodeEncodeError:
        raise Unsendable("query") from None


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse a header that could be read as something else.

    Raises:
        Unsendable: A name is no token, or a value is not plain ASCII.
    """
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise Unsendable("headers")
