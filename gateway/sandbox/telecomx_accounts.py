"""Telecomx: customers (organisations; a reseller is one of them) and their employees.

https://wiki.telecomx.dk/doku.php?id=api%3Acustomer%3Alist, api:customer:get, api:customer:get-name,
api:customer:resellers, api:employee:list, api:employee:get; most of them were readable in part.

Chosen by the sandbox: without `full` a list shows the properties of `_CONDENSED_...`; a list holds what
lies directly below the caller's own customer, `includeSubresellers` adds what lies below its resellers,
`parentReseller` (ADMIN) asks for another place in the tree and `all` (ADMIN) for everything; `customerIds`
may be separated by commas or repeated; `filter` is a substring, whatever the case.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox.emulation import Forms, json_response
from gateway.sandbox.telecomx_access import RESELLER_UP, VIEWER_UP, Access, Caller, find, refuse
from gateway.sandbox.telecomx_pages import page, read_flag
from gateway.sandbox.world import World
from gateway.sandbox.world.telecomx import TelecomxWorld

_CONDENSED_CUSTOMER = ("_id", "name", "phoneNumber", "state", "parentReseller", "emailAddress")
_CONDENSED_EMPLOYEE = ("_id", "customer", "accessLevel", "state", "name", "emailAddress")
_NAME = ("_id", "name", "parentReseller", "features")
_SEARCHED = ("name", "emailAddress", "phoneNumber", "website", "title")


class Accounts:
    def __init__(self, world: World, access: Access, forms: Forms) -> None:
        self._world = world
        self._access = access
        self._forms = forms

    def routes(self) -> list[Route]:
        return [
            Route("/customer", self.list_customers, methods=["GET"]),
            Route("/customer/resellers/list", self.list_resellers, methods=["GET"]),
            Route("/customer/{id}", self.get_customer, methods=["GET"]),
            Route("/customer/{id}/name", self.get_name, methods=["GET"]),
            Route("/employee", self.list_employees, methods=["GET"]),
            Route("/employee/{id}", self.get_employee, methods=["GET"]),
        ]

    async def list_customers(self, request: Request) -> Response:
        caller = self._access.enter(request, RESELLER_UP)
        found = [c for c in self._below(request, caller) if _wanted(request, c)]
        if read_flag(request, "resellers"):
            found = [customer for customer in found if customer["_id"] in self._telecomx.resellers]
        ids = {
            part.lower() for text in request.query_params.getlist("customerIds") for part in text.split(",")
        }
        if ids:
            found = [customer for customer in found if customer["_id"].lower() in ids]
        if read_flag(request, "full"):
            found = [_for(caller, customer) for customer in found]
        else:
            found = [_only(_CONDENSED_CUSTOMER, customer) for customer in found]
        return json_response(page(request, self._forms, found, key=self._forms["customers_key"]))

    async def get_customer(self, request: Request) -> Response:
        caller = self._access.enter(request, VIEWER_UP)
        return json_response(_for(caller, self._customer(caller, request.path_params["id"])))

    async def get_name(self, request: Request) -> Response:
        caller = self._access.enter(request, VIEWER_UP)
        return json_response(_only(_NAME, self._customer(caller, request.path_params["id"])))

    async def list_resellers(self, request: Request) -> Response:
        """A plain array; `integrations` holds grant tokens, as the vendor's does."""
        caller = self._access.enter(request, RESELLER_UP)
        resellers = [
            self._telecomx.customers[reseller_id]
            for reseller_id in self._telecomx.resellers
            if caller.may_manage(reseller_id)
        ]
        return json_response([_only(("_id", "name", "integrations"), reseller) for reseller in resellers])

    async def list_employees(self, request: Request) -> Response:
        caller = self._access.enter(request, VIEWER_UP)
        customer = self._customer(caller, request.query_params.get("customer", caller.customer_id))
        found = [
            employee
            for employee in self._telecomx.employees.values()
            if employee["customer"] == customer["_id"] and _wanted(request, employee)
        ]
        if not read_flag(request, "full"):
            found = [_only(_CONDENSED_EMPLOYEE, employee) for employee in found]
        return json_response(page(request, self._forms, found, key="employees"))

    async def get_employee(self, request: Request) -> Response:
        caller = self._access.enter(request, VIEWER_UP)
        employee = find(self._telecomx.employees, request.path_params["id"])
        if employee is None:
            refuse(404, "employee")
        if not caller.may_see(employee["customer"]):
            refuse(403, "access_denied")
        return json_response(employee)

    @property
    def _telecomx(self) -> TelecomxWorld:
        return self._world.telecomx

    def _customer(self, caller: Caller, customer_id: str) -> dict[str, Any]:
        customer = find(self._telecomx.customers, customer_id)
        if customer is None:
            refuse(404, "customer")
        if not caller.may_see(customer["_id"]):
            refuse(403, "access_denied")
        return customer

    def _below(self, request: Request, caller: Caller) -> list[dict[str, Any]]:
        top, everybody = request.query_params.get("parentReseller"), read_flag(request, "all")
        if (top or everybody) and not caller.is_admin:
            refuse(403, "access_denied")
        customers = list(self._telecomx.customers.values())
        if everybody:
            return customers
        parents = {self._customer(caller, top or caller.customer_id)["_id"]}
        if read_flag(request, "includeSubresellers"):
            # One level is as deep as this world goes.
            parents |= {
                reseller_id
                for reseller_id in self._telecomx.resellers
                if self._telecomx.customers[reseller_id].get("parentReseller") in parents
            }
        return [customer for customer in customers if customer.get("parentReseller") in parents]


def _wanted(request: Request, item: Mapping[str, Any]) -> bool:
    """What `includeDeleted` and `filter` leave of a customer or an employee."""
    if item["state"] == "DELETED" and not read_flag(request, "includeDeleted"):
        return False
    text = request.query_params.get("filter", "").casefold()
    return not text or any(text in item.get(name, "").casefold() for name in _SEARCHED)


def _for(caller: Caller, customer: Mapping[str, Any]) -> dict[str, Any]:
    """A whole customer; its notes are for resellers and ADMIN."""
    return {name: value for name, value in customer.items() if name != "notes" or caller.level in RESELLER_UP}


def _only(names: tuple[str, ...], item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in names if name in item}
