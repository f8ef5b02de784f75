"""Telecomx: notification topics, customers, employees and help centres (https://wiki.telecomx.dk).

The token travels in the query of every request (`?token=`), as in the vendor's examples. An error's body is
not printed on any page: here it is `{"message": word}` with the word of the page's table. Each part's
module tells what the sandbox chose besides.

Forms (the default first):
    token_life: `fixed`, 15 minutes from the login; `sliding`, from the last use.
    created: status of a created topic, `200` or `201`.
    empty_properties: `omitted`, or `null` as in the answer that the page on creating a topic prints.
    customers_key: the array of `GET /customer`: `customers`, `items`.
    limit_out_of_range: `refuse` with 422, or `clamp` to 1 to 500.
    case_messages: `minimal` (content and sentBy), `full` (`_id` and `sentAt` too), `none`.
    microsoft_sign_in: of every help centre; `valid`, or `expired`: images answer 401 `helpcenter`.
"""

from starlette.types import ASGIApp

from gateway.sandbox.emulation import Clock, Emulation, Forms, vendor_app
from gateway.sandbox.telecomx_access import Access
from gateway.sandbox.telecomx_accounts import Accounts
from gateway.sandbox.telecomx_helpcenter import HelpCenter
from gateway.sandbox.telecomx_topics import Topics
from gateway.sandbox.world import World
from gateway.sandbox.world.telecomx import MACHINE_TOKEN

_WORDS = {
    400: "bad_request",
    401: "invalid_token",
    403: "access_denied",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    422: "multiple",
    429: "too_many_requests",
}

CREDENTIALS = {
    "username": "admin@telecomx.example.net",
    "password": "Sandbox-admin-1",
    "resellerUsername": "reseller@telecomx.example.net",
    "resellerPassword": "Sandbox-reseller-1",
    "resellerMachineToken": MACHINE_TOKEN,
    "resellerAdminUsername": "reselleradmin@telecomx.example.net",
    "resellerAdminPassword": "Sandbox-reselleradmin-1",
    "ownerUsername": "owner@telecomx.example.net",
    "ownerPassword": "Sandbox-owner-1",
    "managerUsername": "manager@telecomx.example.net",
    "managerPassword": "Sandbox-manager-1",
    "viewerUsername": "viewer@telecomx.example.net",
    "viewerPassword": "Sandbox-viewer-1",
}


def _error_body(status: int, _: str) -> object:
    return {"message": _WORDS.get(status, "internal_error")}


def _build(world: World, clock: Clock, forms: Forms) -> ASGIApp:
    access = Access(world, clock, forms)
    parts = (Topics(world, access, forms), Accounts(world, access, forms), HelpCenter(world, access, forms))
    routes = access.routes() + [route for part in parts for route in part.routes()]
    return vendor_app(routes, error_body=_error_body)


EMULATION = Emulation(
    kind="telecomx",
    docs="https://wiki.telecomx.dk",
    base_path="",
    credentials=CREDENTIALS,
    error_body=_error_body,
    build=_build,
    forms={
        "token_life": ("fixed", "sliding"),
        "created": ("200", "201"),
        "empty_properties": ("omitted", "null"),
        "customers_key": ("customers", "items"),
        "limit_out_of_range": ("refuse", "clamp"),
        "case_messages": ("minimal", "full", "none"),
        "microsoft_sign_in": ("valid", "expired"),
    },
)
