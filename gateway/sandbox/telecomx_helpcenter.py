"""Telecomx: help centres and their cases, e-mail conversations kept in Microsoft's Graph.

https://wiki.telecomx.dk/doku.php?id=api%3Ahelpcenter%3Acase%3Alist, api:helpcenter:case:search,
api:helpcenter:case:update (2024-12), api:helpcenter:message:id:images (2025-06) and
api:helpcenter:helpcentersettings:list.

Chosen by the sandbox: a missing help centre id is 400 `id`, an unknown one 404 `helpcenter`, another
reseller's 403; SENT sorts by a case's last mail, STATE by UNHANDLED, HANDLING, CLOSED; a search without a
filter finds everything; `helpCenterId` of an update may be left out, and a conversation of another help
centre is 404 `case`; RESELLER_ADMIN may not update, as the page does not name it; a phone number has 4 to
15 digits, perhaps after a plus.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox.emulation import Forms, json_response
from gateway.sandbox.telecomx_access import (
    RESELLER_ADMIN_UP,
    RESELLER_UP,
    Access,
    Caller,
    find,
    read_body,
    refuse,
)
from gateway.sandbox.telecomx_pages import page, read_choice
from gateway.sandbox.times import utc_millis
from gateway.sandbox.world import World
from gateway.sandbox.world.telecomx import TelecomxCase, TelecomxMail, TelecomxWorld

_STATES = ("UNHANDLED", "HANDLING", "CLOSED")
_MAY_UPDATE = ("RESELLER", "ADMIN")
_CASE_PATH = "/helpcenter/case/"
_PHONE = re.compile(r"\+?\d{4,15}", re.ASCII)


class HelpCenter:
    def __init__(self, world: World, access: Access, forms: Forms) -> None:
        self._world = world
        self._access = access
        self._forms = forms

    def routes(self) -> list[Route]:
        return [
            Route("/helpcenter/case", self.list_cases, methods=["GET"]),
            Route("/helpcenter/case/search", self.search_cases, methods=["GET"]),
            Route(f"{_CASE_PATH}{{conversation_id:path}}", self.update_case, methods=["POST"]),
            Route("/helpcenter/message/{id}/images", self.list_images, methods=["GET"]),
            Route("/helpcenter/helpcentersettings", self.list_settings, methods=["GET"]),
        ]

    async def list_cases(self, request: Request) -> Response:
        cases = self._cases(request)
        state = read_choice(request, "state", ("ALL", *_STATES))
        found = [case for case in cases if state in ("ALL", case.state)]
        match read_choice(request, "sortBy", ("SENT", "CREATED", "STATE")):
            case "SENT":
                found.sort(key=_last_mail)
            case "CREATED":
                found.sort(key=lambda case: case.created_at)
            case _:
                found.sort(key=lambda case: _STATES.index(case.state))
        return self._page(request, found, default_limit=100)

    async def search_cases(self, request: Request) -> Response:
        text = request.query_params.get("searchFilter", "").casefold()
        found = [
            case for case in self._cases(request) if any(text in part.casefold() for part in _searched(case))
        ]
        found.sort(key=_last_mail)
        return self._page(request, found, default_limit=10)

    async def update_case(self, request: Request) -> Response:
        caller = self._access.enter(request, _MAY_UPDATE)
        case = self._telecomx.cases.get(_conversation_id(request))
        if case is None:
            refuse(404, "id")
        if request.query_params.get("helpCenterId", case.help_center_id).lower() != case.help_center_id:
            refuse(404, "case")
        self._may_see(caller, case.help_center_id)
        fields = await read_body(request)
        state = fields.get("state", case.state)
        phone_number = fields.get("phoneNumber", case.phone_number)
        email_address = fields.get("emailAddress", case.email_address)
        action_needed = fields.get("actionNeeded", case.action_needed)
        if state not in _STATES:
            refuse(422, "state")
        if "phoneNumber" in fields and not (isinstance(phone_number, str) and _PHONE.fullmatch(phone_number)):
            refuse(422, "phoneNumber")
        if not isinstance(email_address, str):
            refuse(422, "emailAddress")
        if not isinstance(action_needed, bool):
            refuse(422, "actionNeeded")
        case.state, case.action_needed = state, action_needed
        case.phone_number, case.email_address = phone_number, email_address
        return json_response({"success": True})

    async def list_images(self, request: Request) -> Response:
        caller = self._access.enter(request, RESELLER_UP)
        if self._forms["microsoft_sign_in"] == "expired":
            refuse(401, "helpcenter")  # the help centre's own sign-in, not the caller's
        message_id = request.path_params["id"]
        images = self._telecomx.images.get(message_id)
        if images is None:
            refuse(404, "attachments")
        holder = next(
            case
            for case in self._telecomx.cases.values()
            if message_id in [mail.id for mail in case.messages]
        )
        self._may_see(caller, holder.help_center_id)
        return json_response({"images": images})

    async def list_settings(self, request: Request) -> Response:
        """Holds secrets, as the vendor's does."""
        caller = self._access.enter(request, RESELLER_ADMIN_UP)
        settings = []
        for reseller_id in self._telecomx.resellers:
            help_centers = [
                {name: value for name, value in help_center.items() if name != "reseller"}
                for help_center in self._telecomx.help_centers.values()
                if help_center["reseller"] == reseller_id and caller.may_manage(reseller_id)
            ]
            if help_centers:
                name = self._telecomx.customers[reseller_id]["name"]
                settings.append({"_id": reseller_id, "name": name, "helpCenters": help_centers})
        return json_response(settings)

    @property
    def _telecomx(self) -> TelecomxWorld:
        return self._world.telecomx

    def _cases(self, request: Request) -> list[TelecomxCase]:
        """All cases of the help centre that the request names."""
        caller = self._access.enter(request, RESELLER_UP)
        if not request.query_params.get("id"):
            refuse(400, "id")
        help_center_id = self._may_see(caller, request.query_params["id"])
        return [case for case in self._telecomx.cases.values() if case.help_center_id == help_center_id]

    def _may_see(self, caller: Caller, help_center_id: str) -> str:
        help_center = find(self._telecomx.help_centers, help_center_id)
        if help_center is None:
            refuse(404, "helpcenter")
        if not caller.may_manage(help_center["reseller"]):
            refuse(403, "access_denied")
        return str(help_center["id"])

    def _page(self, request: Request, found: list[TelecomxCase], *, default_limit: int) -> Response:
        if read_choice(request, "sortOrder", ("asc", "desc")) == "desc":
            found.reverse()
        answer = page(request, self._forms, found, key="cases", default_limit=default_limit)
        answer["cases"] = [self._case_body(case) for case in answer["cases"]]
        return json_response(answer)

    def _case_body(self, case: TelecomxCase) -> dict[str, Any]:
        received = [mail.id for mail in case.messages if mail.sent_by == case.messages[0].sent_by]
        body = {
            "_id": case.id,
            "caseNumber": case.case_number,
            "conversationId": case.conversation_id,
            "latestMessageId": received[-1],
            "subject": case.subject,
            "state": case.state,
            "createdAt": utc_millis(case.created_at),
            "customer": case.customer_id,
            "company": case.company,
            "customerName": case.customer_name,
            "emailAddress": case.email_address,
            "phoneNumber": case.phone_number,
            "helpCenterId": case.help_center_id,
            "actionNeeded": case.action_needed,
            "messages": self._messages(case.messages),
        }
        if self._forms["empty_properties"] == "omitted":
            body = {name: value for name, value in body.items() if value is not None}
        return body

    def _messages(self, mails: Sequence[TelecomxMail]) -> list[dict[str, str]] | None:
        match self._forms["case_messages"]:
            case "none":
                return None
            case "full":
                return [
                    {"_id": m.id, "content": m.content, "sentBy": m.sent_by, "sentAt": utc_millis(m.sent_at)}
                    for m in mails
                ]
            case _:
                return [{"content": mail.content, "sentBy": mail.sent_by} for mail in mails]


def _conversation_id(request: Request) -> str:
    """The one path segment after `/helpcenter/case/`, decoded once.

    Graph's ids hold `/`, so the raw path decides: a slash that the client left bare parts two segments,
    and no such address exists.
    """
    segment: str = request.scope["raw_path"].decode("latin-1").removeprefix(_CASE_PATH)
    if "/" in segment:
        refuse(404, "not_found")
    return unquote(segment)


def _last_mail(case: TelecomxCase) -> datetime:
    return case.messages[-1].sent_at


def _searched(case: TelecomxCase) -> list[str]:
    texts = [case.customer_name, case.subject, case.phone_number or "", case.email_address]
    return texts + [text for mail in case.messages for text in (mail.content, mail.sent_by)]
