"""Telecomx: notification topics, which the vendor calls employee subscriptions.

https://wiki.telecomx.dk/doku.php?id=api%3Aemployeesubscription%3Acreate and its siblings get, list,
update, delete, subscribers (2014).

Chosen by the sandbox: an access level that may never write is refused before the body is read, then the
body is checked in the order of the page's table; a reseller that is not there is 404 for every level,
another one's 403; RESELLER_ADMIN, which these pages are too old to know, may do what RESELLER may; the
topics of a customer are those of its reseller and the global ones; a parameter too many is 400
`bad_request`; anything but true and false for a channel is 422 with its name.
"""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox.emulation import Forms, json_response
from gateway.sandbox.telecomx_access import RESELLER_UP, VIEWER_UP, Access, Caller, find, read_body, refuse
from gateway.sandbox.telecomx_pages import read_flag
from gateway.sandbox.world import World
from gateway.sandbox.world.telecomx import TelecomxTopic, TelecomxWorld

_ID = re.compile(r"[0-9a-f]{24}", re.IGNORECASE)


class Topics:
    def __init__(self, world: World, access: Access, forms: Forms) -> None:
        self._world = world
        self._access = access
        self._forms = forms

    def routes(self) -> list[Route]:
        return [
            Route("/employeeSubscription", self.list_topics, methods=["GET"]),
            Route("/employeeSubscription", self.create, methods=["POST"]),
            Route("/employeeSubscription/{id}", self.get, methods=["GET"]),
            Route("/employeeSubscription/{id}", self.update, methods=["POST"]),
            Route("/employeeSubscription/{id}", self.delete, methods=["DELETE"]),
            Route("/employeeSubscription/{id}/subscribers", self.list_subscribers, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        caller = self._access.enter(request, RESELLER_UP)
        fields = await read_body(request)
        topic = TelecomxTopic(id="", reseller=None, title="", description=None, email=False, sms=False)
        _apply(topic, fields)
        if "reseller" not in fields:
            refuse(422, "reseller")  # the page marks description, email and sms as optional, but not this one
        topic.reseller = self._reseller(caller, fields["reseller"])
        topic.id = self._telecomx.next_id()
        self._telecomx.topics[topic.id] = topic
        return json_response(self._body(topic), int(self._forms["created"]))

    async def get(self, request: Request) -> Response:
        caller = self._access.enter(request, VIEWER_UP)
        topic = self._topic(request)
        own = self._telecomx.customers[caller.customer_id]
        if topic.reseller not in (None, own.get("parentReseller")) and not caller.may_manage(topic.reseller):
            refuse(403, "access_denied")
        return json_response(self._body(topic))

    async def list_topics(self, request: Request) -> Response:
        caller = self._access.enter(request, VIEWER_UP)
        query = request.query_params
        if len({"customer", "reseller", "common"} & set(query)) > 1:
            refuse(400, "bad_request")
        topics = list(self._telecomx.topics.values())
        if "customer" in query:
            customer = find(self._telecomx.customers, query["customer"])
            if customer is None:
                refuse(404, "customer")
            if not caller.may_see(customer["_id"]):
                refuse(403, "access_denied")
            above = (None, customer["_id"], customer.get("parentReseller"))
            topics = [topic for topic in topics if topic.reseller in above]
        elif "reseller" in query:
            reseller = self._existing_reseller(query["reseller"])
            if not caller.may_manage(reseller):
                refuse(403, "access_denied")
            topics = [topic for topic in topics if topic.reseller == reseller]
        elif not caller.is_admin:
            refuse(403, "access_denied")
        elif read_flag(request, "common"):
            topics = [topic for topic in topics if topic.reseller is None]
        return json_response([self._body(topic) for topic in topics])

    async def update(self, request: Request) -> Response:
        caller = self._access.enter(request, RESELLER_UP)
        topic = self._topic(request)
        if not caller.is_admin and topic.reseller != caller.customer_id:
            refuse(403, "access_denied")  # unlike deleting, which reaches sub-resellers too
        _apply(topic, await read_body(request))
        return json_response(self._body(topic))

    async def delete(self, request: Request) -> Response:
        caller = self._access.enter(request, RESELLER_UP)
        topic = self._topic(request)
        if not caller.may_manage(topic.reseller):
            refuse(403, "access_denied")
        del self._telecomx.topics[topic.id]
        return json_response({"success": True})

    async def list_subscribers(self, request: Request) -> Response:
        caller = self._access.enter(request, RESELLER_UP)
        topic = self._topic(request)
        if not caller.may_manage(topic.reseller):
            refuse(403, "access_denied")
        people = [self._telecomx.employees[employee_id] for employee_id in topic.subscribers]
        addresses: dict[str, list[str]] = {}
        if topic.email:
            addresses["email"] = [person["emailAddress"] for person in people]
        if topic.sms:
            addresses["sms"] = [person["smsNumber"] for person in people if "smsNumber" in person]
        return json_response(addresses)

    @property
    def _telecomx(self) -> TelecomxWorld:
        return self._world.telecomx

    def _topic(self, request: Request) -> TelecomxTopic:
        topic = find(self._telecomx.topics, request.path_params["id"])
        if topic is None:
            refuse(404, "employeeSubscription")
        return topic

    def _reseller(self, caller: Caller, given: object) -> str | None:
        """Where a new topic goes: the caller must be that reseller, or ADMIN."""
        reseller = None
        if given is not None:
            if not isinstance(given, str) or not _ID.fullmatch(given):
                refuse(422, "reseller")
            reseller = self._existing_reseller(given)
        if not caller.is_admin and reseller != caller.customer_id:
            refuse(403, "access_denied")
        return reseller

    def _existing_reseller(self, given: str) -> str:
        reseller = find({known: known for known in self._telecomx.resellers}, given)
        if reseller is None:
            refuse(404, "reseller")
        return reseller

    def _body(self, topic: TelecomxTopic) -> dict[str, Any]:
        body = {
            "_id": topic.id,
            "reseller": topic.reseller,
            "title": topic.title,
            "description": topic.description,
            "email": topic.email,
            "sms": topic.sms,
        }
        if self._forms["empty_properties"] == "omitted":
            return {name: value for name, value in body.items() if value is not None}
        return body


def _apply(topic: TelecomxTopic, fields: dict[str, Any]) -> None:
    """Check what is given, then take all of it over, or nothing. Other properties are ignored."""
    title, description = fields.get("title", topic.title), fields.get("description", topic.description)
    channels = {name: fields.get(name, getattr(topic, name)) for name in ("email", "sms")}
    if not isinstance(title, str) or not title:
        refuse(422, "title")
    for name, value in channels.items():
        if value is not None and not isinstance(value, bool):
            refuse(422, name)
    if not any(channels.values()):
        refuse(422, "email")  # one word for both channels
    if description is not None and not isinstance(description, str):
        refuse(422, "description")
    topic.title, topic.description = title, description or None
    topic.email, topic.sms = bool(channels["email"]), bool(channels["sms"])
