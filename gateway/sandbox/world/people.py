"""Invented people, places and firms in the languages of the vendors' customers.

Phone numbers and mail domains are ones that nobody can own (example domains; zeros).
"""

import random
from dataclasses import dataclass
from typing import Literal

Language = Literal["pl", "sv", "da", "en"]

_FIRST: dict[Language, str] = {
    "pl": "Anna Piotr Katarzyna Tomasz Małgorzata Paweł Agnieszka Łukasz Ewa Krzysztof Zofia Jędrzej Bożena",
    "sv": "Elin Lars Åsa Johan Malin Björn Sara Göran Karin Östen Maja Håkan Ebba Nils",
    "da": "Mette Søren Camilla Jens Kirsten Rasmus Freja Åge Ida Mikkel Bodil Jørgen Sofie Anders",
    "en": "Grace Owen Harriet Dale Imogen Marcus Ruth Curtis Naomi Trevor Pearl Duncan Hazel Leroy",
}
_LAST: dict[Language, str] = {
    "pl": "Nowak Kowalczyk Wiśniewska Wójcik Kamińska Zieliński Szymańska Woźniak Żak Ślusarczyk Bąk Gołąb",
    "sv": "Lindqvist Bergström Åkesson Sjöberg Ek Nordin Hedlund Öberg Wallin Falk Sandberg Dahl Nyström",
    "da": "Holm Kjær Nørgaard Bech Skov Thygesen Lund Krogh Søndergaard Dam Vestergaard Friis Ørsted",
    "en": "Reed Whitfield Barlow Osei Hartley Quinn Mercer Doyle Sutton Abbott Langley Pike Rowe",
}
_PLACES: dict[Language, tuple[tuple[str, str], ...]] = {
    "pl": (
        ("00-001", "Warszawa"),
        ("30-001", "Kraków"),
        ("90-001", "Łódź"),
        ("80-001", "Gdańsk"),
        ("60-001", "Poznań"),
    ),
    "sv": (
        ("111 20", "Stockholm"),
        ("222 20", "Lund"),
        ("411 01", "Göteborg"),
        ("903 20", "Umeå"),
        ("702 10", "Örebro"),
    ),
    "da": (
        ("1050", "København"),
        ("8000", "Aarhus"),
        ("5000", "Odense"),
        ("9000", "Aalborg"),
        ("4600", "Køge"),
    ),
    "en": (
        ("89501", "Reno"),
        ("97201", "Portland"),
        ("04101", "Augusta"),
        ("73101", "Tulsa"),
        ("59701", "Butte"),
    ),
}
_STREETS: dict[Language, str] = {
    "pl": "Polna Leśna Słoneczna Krótka Długa Źródlana",
    "sv": "Storgatan Ågatan Björkvägen Kyrkogatan Skolgatan Älvstigen",
    "da": "Havnegade Møllevej Søgade Nørregade Kirkevej Ågade",
    "en": "Main Mill Church Bridge Orchard Harbor",
}
_DOMAINS: dict[Language, str] = {
    "pl": "klient.example",
    "sv": "post.example.org",
    "da": "kunde.example.net",
    "en": "mail.example.com",
}
_DIAL: dict[Language, str] = {"pl": "+48600", "sv": "+46700", "da": "+4520", "en": "+1555"}
_ASCII = str.maketrans("ąćęłńóśźżåäöæøŻŚŹŁÅÄÖÆØ", "acelnoszzaaoaoZSZLAAOAO")


@dataclass(frozen=True, slots=True)
class Person:
    first: str
    last: str
    email: str
    phone: str
    street: str
    house: str
    postal_code: str
    city: str

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


def person(rng: random.Random, language: Language, number: int) -> Person:
    """A person; `number` makes the mail address and the phone unique within its caller's range."""
    first = rng.choice(_FIRST[language].split())
    last = rng.choice(_LAST[language].split())
    postal_code, city = rng.choice(_PLACES[language])
    local = f"{first}.{last}{number}".translate(_ASCII).lower()
    return Person(
        first=first,
        last=last,
        email=f"{local}@{_DOMAINS[language]}",
        phone=f"{_DIAL[language]}{number:06d}",
        street=rng.choice(_STREETS[language].split()),
        house=str(rng.randint(1, 98)),
        postal_code=postal_code,
        city=city,
    )


_FIRM_FIRST: dict[Language, str] = {
    "pl": "Rzemiosło Zdrowa Cicha Jasna Nadwiślańska Górska",
    "sv": "Norrsken Skärgårds Mälar Vinter Fjäll Hav",
    "da": "Fyrtårn Østkyst Bølge Nordhavn Strand Bøge",
    "en": "Copper Harvest Juniper Lakeside Foxglove Granite",
}
_FIRM_LAST: dict[Language, str] = {
    "pl": "Piekarnia Drukarnia Księgarnia Stolarnia Pracownia",
    "sv": "Elektronik Bageri Bokhandel Cykel Verkstad",
    "da": "Elektronik Bageri Boghandel Cykler Værksted",
    "en": "Bakery Books Cycles Hardware Workshop",
}
_FIRM_FORM: dict[Language, str] = {"pl": "Sp. z o.o.", "sv": "AB", "da": "ApS", "en": "LLC"}


def firm(language: Language, number: int, *, trade: str | None = None) -> str:
    """The name of a firm: a different one for each number below 30 (or 6, where the trade is given)."""
    first, last = _FIRM_FIRST[language].split(), _FIRM_LAST[language].split()
    trade = trade or last[number // len(first) % len(last)]
    return f"{first[number % len(first)]} {trade} {_FIRM_FORM[language]}"
