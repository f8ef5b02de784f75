"""`POST /uploads?source=&filename=`: a file for a later write, streamed on to its source."""

from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.domain.access import Grants, Scope
from gateway.domain.callers import calling_with
from gateway.domain.catalog import Catalog
from gateway.domain.errors import BadInput, ErrorCode, Forbidden, GatewayError, NotForwarded
from gateway.domain.ports import FileUploader
from gateway.http.authentication import Authentication
from gateway.http.caller import CallerOptions, credentials_of
from gateway.http.endpoint import failure_response, json_response, problem_response, request_id_of
from gateway.http.errors import failure, log_source_error
from gateway.http.graphql_request import declares_more
from gateway.http.negotiation import JSON
from gateway.http.problems import HttpProblem
from gateway.http.rate_limited import RateLimits
from gateway.writes.uploads import Uploads

MAX_UPLOAD_BYTES = 25 * 1024 * 1024
_MEDIA_TYPE = "application/octet-stream"
_MAX_FILENAME = 255
_STATUSES = {
    ErrorCode.BAD_USER_INPUT: 400,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.SOURCE_TIMEOUT: 504,
    ErrorCode.SOURCE_THROTTLED: 503,
}


class UploadEndpoint:
    """Takes a file's bytes and answers the handle to name in `attachments`."""

    def __init__(
        self,
        catalog: Catalog,
        uploads: Uploads,
        authentication: Authentication,
        callers: CallerOptions,
        rates: RateLimits,
    ) -> None:
        self._catalog = catalog
        self._uploads = uploads
        self._authentication = authentication
        self._callers = callers
        self._rates = rates

    async def __call__(self, request: Request) -> Response:
        """Answer 201 with the handle, or an error in the graph's form."""
        request_id = request_id_of(request)
        try:
            return await self._upload(request, request_id)
        except HttpProblem as refusal:
            return problem_response(refusal, request_id=request_id)
        except GatewayError as error:
            log_source_error(error, request_id=request_id)
            body = {"errors": [failure(error, request_id=request_id)]}
            status = 401 if isinstance(error, NotForwarded) else _STATUSES.get(error.code, 502)
            return json_response(body, status=status, media_type=JSON, request_id=request_id)
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, no client sees it
            return failure_response(error, request_id=request_id)

    async def _upload(self, request: Request, request_id: str) -> Response:
        principal = await self._authentication.principal(request.scope)
        caller = self._authentication.caller(principal, request.scope)
        await self._rates.admit(caller)
        # A type that browsers don't send without asking first keeps other sites' forms out.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
            raise HttpProblem(415, f"Send the file's bytes as {_MEDIA_TYPE}.")
        source = self._catalog.named(request.query_params.get("source", ""), argument="source")
        _check_allowed(principal.grants, source.key)
        filename = _filename(request.query_params.get("filename", ""))
        uploader = source.port(FileUploader)
        if uploader is None:
            raise BadInput(f"{source.key} takes no files.", argument="source")
        if declares_more(request, MAX_UPLOAD_BYTES):
            raise _too_large()
        with calling_with(credentials_of(request.headers, self._callers)):
            owner = source.owner(principal.subject)
            await self._rates.charge(caller, 1)
            file = await uploader.upload(filename, _capped(request))
        upload = self._uploads.issue(owner, source.key, file)
        body = {
            "id": upload.handle,
            "source": source.key,
            "filename": file.filename,
            "sizeBytes": file.size_bytes,
            "expiresAt": file.expires_at,
        }
        return json_response(body, status=201, media_type=JSON, request_id=request_id)


def _check_allowed(grants: Grants, source: str) -> None:
    """A file is for a reply or a ticket: who may write either there may upload it.

    Raises:
        Forbidden: The caller may do neither.
    """
    if not (grants.allow(Scope.MESSAGES_WRITE, source) or grants.allow(Scope.TICKETS_WRITE, source)):
        raise Forbidden(Scope.MESSAGES_WRITE, source=source)


def _filename(given: str) -> str:
    if not 1 <= len(given) <= _MAX_FILENAME or not given.isprintable() or "/" in given or "\\" in given:
        raise BadInput(
            f"`filename` must have 1 to {_MAX_FILENAME} printable characters and no slash.",
            argument="filename",
        )
    return given


def _too_large() -> HttpProblem:
    return HttpProblem(413, f"A file may have {MAX_UPLOAD_BYTES} bytes at most.")


async def _capped(request: Request) -> AsyncIterator[bytes]:
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_UPLOAD_BYTES:
                raise _too_large()
            if chunk:
                yield chunk
    except ClientDisconnect as error:
        raise HttpProblem(400, "The file ended too soon.") from error
