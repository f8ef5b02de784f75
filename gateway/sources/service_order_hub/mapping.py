"""Service Order Hub's shapes <-> the graph's records. Pure."""

from datetime import UTC, date, datetime

from gateway.domain.ids import EntityType, Ref
from gateway.domain.records import (
    Account,
    AccountKind,
    AuthorRole,
    Body,
    Case,
    CaseContact,
    CaseProduct,
    Coded,
    ConversationState,
    Fetched,
    Message,
    MessageAuthor,
    MessageType,
    Origin,
    OriginKind,
    TextFormat,
    Visibility,
)
from gateway.sources.service_order_hub import wire
from gateway.sources.status import StatusTable

# What the parts of references look like. A number has one form only, so that a record has one id.
GUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
NUMBER = "0|[1-9][0-9]{0,9}"

# The documented message types; anything else that comes is UNKNOWN beside its own word.
MESSAGE_TYPES = {
    "serviceComment": MessageType.MESSAGE,
    "customerCenterReply": MessageType.REPLY,
    "costProposalRejectRur": MessageType.COST_PROPOSAL,
    "costProposalRejectScrap": MessageType.COST_PROPOSAL,
    "statusRequest": MessageType.STATUS_REQUEST,
    "spareParts": MessageType.SPARE_PARTS,
    "reminder": MessageType.REMINDER,
    "costProposal": MessageType.COST_PROPOSAL,
    "shipment": MessageType.SHIPMENT,
    "forwarding": MessageType.FORWARDING,
}

# Status keys are the providers' own, so the table is configuration; these are likely words. The hub puts
# keys into lower case.
STATUSES: dict[str, ConversationState] = {
    "created": ConversationState.NEW,
    "accepted": ConversationState.OPEN,
    "arrived": ConversationState.OPEN,
    "repairing": ConversationState.OPEN,
    "awaitingparts": ConversationState.ON_HOLD,
    "awaitingcustomer": ConversationState.PENDING,
    "repaired": ConversationState.SOLVED,
    "shipped": ConversationState.SOLVED,
    "closed": ConversationState.CLOSED,
    "cancelled": ConversationState.CLOSED,
}

# What only a full read of a case tells.
UNREAD_CASE = frozenset(
    {
        "subject",
        "status",
        "created_at",
        "tags",
        "requester",
        "assignee",
        "number",
        "partner",
        "provider",
        "customer",
        "product",
    }
)

_ROLES = {"partner": AuthorRole.PARTNER, "provider": AuthorRole.PROVIDER}


def case_ref(source: str, guid: str) -> Ref:
    """A case is found by its guid."""
    return Ref(EntityType.CASE, source, (guid,))


def message_ref(source: str, guid: str, message_id: int) -> Ref:
    """A message has no single read, so its case's guid goes along."""
    return Ref(EntityType.MESSAGE, source, (guid, str(message_id)))


def party_ref(source: str, kind: AccountKind, party_id: int) -> Ref:
    """Partners, providers and departments are three id spaces."""
    return Ref(EntityType.ACCOUNT, source, (kind.value, str(party_id)))


def named_case(ref: Ref) -> Case:
    """A case of which nothing but its guid is known."""
    (guid,) = ref.parts
    return Case(
        ref=ref,
        origin=Origin(ref.source, guid, kind=OriginKind.REFERENCE),
        guid=guid,
        missing=UNREAD_CASE,
    )


def case_record(source: str, sent: wire.Case, statuses: StatusTable, fetched: Fetched) -> Case:
    """A case. Its subject is the product and its problem; the hub has no subject line."""
    partner = _party(source, AccountKind.PARTNER, sent.service_partner, sent.partner_id, fetched)
    provider = _party(source, AccountKind.PROVIDER, sent.service_provider, sent.service_provider_id, fetched)
    return Case(
        ref=case_ref(source, sent.guid),
        origin=fetched.origin(source, sent.guid),
        guid=sent.guid,
        number=sent.id,
        subject=_subject(sent),
        status=statuses.coded(sent.current_status),
        created_at=_utc(sent.created_at),
        tags=_tags(sent),
        requester=partner,
        assignee=provider,
        partner=partner,
        provider=provider,
        customer=_contact(sent.consumer or sent.customer),
        product=_product(sent),
    )


def account_record(source: str, kind: AccountKind, sent: wire.Party, fetched: Fetched) -> Account:
    """A partner, provider or department, read by its id."""
    contact = sent.contact_data or wire.Contact()
    return Account(
        ref=party_ref(source, kind, sent.id),
        origin=fetched.origin(source, str(sent.id)),
        kind=kind,
        name=sent.name or contact.organization_name,
        email=contact.email,
        phone=contact.phone or contact.mobile,
    )


def message_record(source: str, sent: wire.Message, fetched: Fetched) -> Message:
    """A case message. The page doesn't say whether `content` may hold markup, so UNKNOWN."""
    return Message(
        ref=message_ref(source, sent.guid, sent.id),
        origin=fetched.origin(source, str(sent.id)),
        conversation=case_ref(source, sent.guid),
        author=MessageAuthor(
            role=_ROLES.get(sent.sender_type or "", AuthorRole.UNKNOWN),
            name=sent.user_name,
            email=sent.user_email,
        ),
        kind=Coded(MESSAGE_TYPES.get(sent.type or "", MessageType.UNKNOWN), sent.type),
        body=None if sent.content is None else Body(sent.content, TextFormat.UNKNOWN),
        parent=None
        if sent.parent_message_id is None
        else message_ref(source, sent.guid, sent.parent_message_id),
        visibility=Visibility.INTERNAL if sent.is_internal else Visibility.PUBLIC,
        external_id=sent.external_id,
        created_at=_utc(sent.created_at),
        updated_at=_utc(sent.updated_at),
        declared_at=_utc(sent.declared_at),
        confirmed_at=_utc(sent.confirmed_at),
    )


def _tags(sent: wire.Case) -> tuple[str, ...] | None:
    """Names alone: the search takes no ids either."""
    if sent.tags is None:
        return None
    names = (tag.name if isinstance(tag, wire.Named) else tag for tag in sent.tags)
    return tuple(name for name in names if isinstance(name, str) and name)


def _party(
    source: str, kind: AccountKind, named: wire.Party | None, party_id: int | None, fetched: Fetched
) -> Account | Ref | None:
    if named is not None and named.name:
        return Account(
            ref=party_ref(source, kind, named.id),
            origin=fetched.origin(source, str(named.id)),
            kind=kind,
            name=named.name,
            missing=frozenset({"email", "phone"}),
        )
    known = party_id if party_id is not None else named.id if named is not None else None
    return None if known is None else party_ref(source, kind, known)


def _contact(sent: wire.Contact | None) -> CaseContact | None:
    if sent is None:
        return None
    person = " ".join(part for part in (sent.first_name, sent.last_name) if part)
    return CaseContact(
        name=sent.name or person or None,
        organization=sent.organization_name,
        email=sent.email,
        phone=sent.mobile or sent.phone,
    )


def _product(sent: wire.Case) -> CaseProduct | None:
    product = sent.product_data
    if product is None:
        return None
    return CaseProduct(
        model=product.model,
        serial=product.serial,
        problem=product.problem_text,
        manufacturer=(sent.manufacturer or wire.Named()).name,
        purchase_date=_date(product.purchase_date),
    )


def _subject(sent: wire.Case) -> str | None:
    product = sent.product_data or wire.Product()
    maker = (sent.manufacturer or wire.Named()).name
    thing = product.model or (sent.product_type or wire.Named()).name
    head = " ".join(part for part in (maker, thing) if part)
    return ": ".join(part for part in (head, product.problem_text) if part) or None


def _utc(moment: datetime | None) -> datetime | None:
    """The hub stores UTC; a time without a zone (seen on one page) is one as well."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # Midnight of the year 1 further east: a blank, not a date.
        return None


def _date(sent: str | None) -> date | None:
    """A bare date; what follows it, or isn't one, is dropped."""
    try:
        return date.fromisoformat((sent or "")[:10])
    except ValueError:
        return None
