"""Which requests change a vendor's data, and so can meet the mishaps of writes."""

_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# What is asked with another method and yet changes nothing that anybody keeps: a search and the log-ins. The
# one GET that changes something, Telecomx's log-out, is no write of anybody's data either.
_READING = frozenset(
    {
        ("service_order_hub", "/api/v3/search-cases"),
        ("telecomx", "/auth/login"),
        ("tulo", "/api/authorization/access_token"),
    }
)


def is_write(kind: str, method: str, path: str) -> bool:
    """Whether a request changes the data of this kind of service, as far as its method and path tell."""
    return method not in _READING_METHODS and (kind, path) not in _READING
