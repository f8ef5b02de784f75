"""Telecomx: a Danish telecom platform with customers, notification topics and e-mail help centres."""

from functools import partial
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from gateway.sources.auth import Auth, fixed, in_query
from gateway.sources.rest import Rest
from gateway.sources.spec import SourceContext, SourceSettings, SourceSpec
from gateway.sources.status import StatusTable
from gateway.sources.telecomx.accounts import ID_SHAPE, Accounts
from gateway.sources.telecomx.case_changes import CaseChanges
from gateway.sources.telecomx.cases import Cases
from gateway.sources.telecomx.client import Telecomx, shapes
from gateway.sources.telecomx.login import session
from gateway.sources.telecomx.lookups import Lookups
from gateway.sources.telecomx.mapping import STATES, HelpCenter
from gateway.sources.telecomx.refusals import explain, is_log_in_refused
from gateway.sources.telecomx.topics import Topics

Id = Annotated[str, StringConstraints(pattern=f"^{ID_SHAPE}$")]


class HelpCenterSettings(BaseModel):
    """One help centre. Which there are is configuration: only RESELLER_ADMIN and ADMIN may list them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id = Field(description="The help centre's id.")
    name: str = Field(min_length=1, description="What people call it; the queue of its tickets.")
    email: str | None = Field(None, description="The address it answers from: marks its mails as staff's.")


class TelecomxSettings(SourceSettings):
    """How to reach Telecomx, normally at https://api.telecomx.dk, as an employee of level RESELLER or above.

    Log-ins may be bound to IP addresses, so the gateway then needs a fixed one.
    """

    kind: Literal["telecomx"]
    username: str | None = Field(None, description="Log-in of an employee; with `password`.")
    password: SecretStr | None = Field(None, description="The employee's password; with `username`.")
    token: SecretStr | None = Field(None, description="A machine token, instead of username and password.")
    help_centers: tuple[HelpCenterSettings, ...] = Field((), description="Whose cases are the tickets.")
    reseller: Id | None = Field(None, description="The own reseller: whose topics are listed by default.")
    scan_pages: int = Field(
        5, ge=1, le=100, description="Pages of 500 cases to look through for one case: it has no single read."
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.forwards:
            if (self.username, self.password, self.token) != (None, None, None):
                raise ValueError("callers forward theirs: leave username, password and token out")
            return self
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if (self.username is None) == (self.token is None):
            raise ValueError("give either username and password, or token")
        return self

    @property
    def account_name(self) -> str | None:
        """See `SourceSettings.account_name`."""
        return self.username


def auth(context: SourceContext[TelecomxSettings]) -> Auth:
    """An employee's session, or a machine token."""
    settings = context.settings
    if settings.username is not None and settings.password is not None:
        return session(
            context.key,
            context.transport,
            username=settings.username,
            password=settings.password.get_secret_value(),
            clock=context.clock,
        )
    return fixed(settings.token)


def build(context: SourceContext[TelecomxSettings]) -> Telecomx:
    """Make the client of one instance."""
    settings = context.settings
    rest = Rest(
        context.key,
        context.transport,
        clock=context.clock,
        explain=partial(explain, context.key),
    )
    centers = [HelpCenter(each.id, each.name, each.email) for each in settings.help_centers]
    statuses = StatusTable(STATES, settings.statuses)
    cases = Cases(rest, help_centers=centers, scan_pages=settings.scan_pages, statuses=statuses)
    changes = CaseChanges(rest, help_centers=centers, statuses=statuses)
    return Telecomx(
        Accounts(rest),
        cases,
        changes,
        Topics(rest, own_reseller=settings.reseller),
        Lookups(rest, cases, changes),
    )


SPEC = SourceSpec(
    kind="telecomx",
    title="Telecomx",
    docs_url="https://wiki.telecomx.dk",
    settings=TelecomxSettings,
    shapes=shapes(),
    build=build,
    put=lambda _: in_query("token"),
    auth=auth,
    is_log_in_refused=is_log_in_refused,
    ttl_s={"customer/ID": 30, "customer": 30, "employee/ID": 60, "employee": 60},
)
