"""What the invented people write: sentences per language and trade, put together by the seeded randomness."""

import random
from typing import Literal

from gateway.sandbox.world.people import Language

Trade = Literal["repair", "shop", "newspaper", "telecom", "bank"]
Side = Literal["customer", "staff"]

_SENTENCES: dict[tuple[Trade, Language, Side], tuple[str, ...]] = {
    ("repair", "sv", "customer"): (
        "Kunden undrar när apparaten är klar.",
        "Kan ni ge ett nytt leveransdatum för ärende {number}?",
        "Kunden har ringt oss {small} gånger den här veckan.",
        "Skärmen släcks efter ungefär {small} minuter.",
        "Garantin gäller till och med mars, kvittot är bifogat i ärendet.",
        "Vänligen kontrollera även laddaren när ni ändå har enheten öppen.",
        "Kunden godkänner kostnaden om den stannar under {money} kr.",
    ),
    ("repair", "sv", "staff"): (
        "Enheten har kommit in till verkstaden.",
        "Vi väntar på reservdel, beräknad leverans om {small} dagar.",
        "Felet är återskapat: moderkortet måste bytas.",
        "Kostnadsförslag {money} kr inklusive moms.",
        "Reparationen är klar och enheten skickas i dag, kolli {number}.",
        "Vi behöver kundens lösenordsfria godkännande innan vi kan fortsätta.",
    ),
    ("repair", "da", "customer"): (
        "Kunden spørger, hvornår apparatet er færdigt.",
        "Kan I oplyse en ny leveringsdato for sag {number}?",
        "Skærmen går i sort efter cirka {small} minutter.",
        "Garantien gælder stadig, kvitteringen ligger på sagen.",
        "Kunden godkender prisen, hvis den holder sig under {money} kr.",
        "Æsken var beskadiget, da kunden afleverede den.",
    ),
    ("repair", "da", "staff"): (
        "Enheden er modtaget på værkstedet.",
        "Vi afventer en reservedel, forventet om {small} dage.",
        "Fejlen er genskabt: bundkortet skal skiftes.",
        "Overslag {money} kr. inklusive moms.",
        "Reparationen er færdig, og pakken sendes i dag med nummer {number}.",
    ),
    ("repair", "en", "customer"): (
        "The customer asks for a delivery estimate.",
        "Could you confirm the status of order {number}?",
        "The screen goes dark after about {small} minutes.",
        "The warranty still runs; the receipt is attached to the case.",
        "The customer accepts the cost as long as it stays below {money}.",
        "Please check the charger as well while the unit is open.",
    ),
    ("repair", "en", "staff"): (
        "The unit has arrived at the workshop.",
        "We are waiting for a spare part, expected in {small} days.",
        "We could reproduce the fault: the main board must be replaced.",
        "Cost proposal: {money} including VAT.",
        "The repair is done; the parcel leaves today with number {number}.",
    ),
    ("shop", "pl", "customer"): (
        "Dzień dobry, nie dostałam faktury do zamówienia {number}.",
        "Paczka miała przyjść {small} dni temu i nadal jej nie ma.",
        "Proszę o zmianę adresu dostawy, przeprowadziłam się.",
        "Chciałbym zwrócić towar, nie pasuje rozmiar.",
        "Czy można zapłacić przelewem? Kwota to {money} zł.",
        "Na opakowaniu było pęknięcie, załączam zdjęcia.",
        "Proszę o kontakt, bo zależy mi na czasie.",
        "Źle naliczono rabat, powinno być mniej.",
    ),
    ("shop", "pl", "staff"): (
        "Dzień dobry, dziękujemy za wiadomość.",
        "Wysyłam fakturę w załączniku.",
        "Paczka została nadana, numer przesyłki {number}.",
        "Zwrot środków nastąpi w ciągu {small} dni roboczych.",
        "Zmieniłem adres dostawy zgodnie z prośbą.",
        "Sprawdzę to w magazynie i wrócę z odpowiedzią.",
        "Przepraszamy za opóźnienie, przyznaliśmy rabat {money} zł.",
    ),
    ("newspaper", "sv", "customer"): (
        "Ingen tidning i lördags.",
        "Tidningen kom {small} timmar för sent.",
        "Jag kan inte logga in på e-tidningen längre.",
        "Jag vill göra uppehåll i {small} veckor under semestern.",
        "Fakturan på {money} kr stämmer inte med kampanjpriset.",
        "Kan ni byta min leveransadress från och med nästa månad?",
        "Korsordet saknas i helgbilagan igen.",
    ),
    ("newspaper", "sv", "staff"): (
        "Ringt upp kunden, löst i telefon.",
        "Krediterat {small} dagar.",
        "Budbäraren informerad om porten.",
        "Kunden återkommer efter semestern.",
        "Skickat länk för nytt lösenord.",
    ),
    ("telecom", "da", "customer"): (
        "Vores router genstarter cirka {small} gange om dagen.",
        "Der er ingen klartone på lokalnummer {small}.",
        "Fakturaen på {money} kr. indeholder en linje, vi har opsagt.",
        "Hvornår bliver fiberen gravet ind på den nye adresse?",
        "Vi kan ikke ringe til udlandet længere.",
        "TV-boksen viser kun sort skærm på kanal {small}.",
        "Kan I flytte vores hovednummer til den nye afdeling?",
    ),
    ("telecom", "da", "staff"): (
        "Tak for din henvendelse, vi kigger på det med det samme.",
        "Teknikeren kommer om {small} dage mellem 8 og 12.",
        "Vi har nulstillet porten, prøv venligst igen.",
        "Beløbet på {money} kr. bliver krediteret på næste faktura.",
        "Fejlen er meldt videre med reference {number}.",
    ),
    ("bank", "en", "customer"): (
        "The card still shows as suspended.",
        "Can you provide an update on the issue?",
        "A transfer of {money} dollars has been pending for {small} days.",
        "We need a statement for last quarter.",
        "Please raise the daily limit of card ending {small}0{small}.",
    ),
    ("bank", "en", "staff"): (
        "Thank you, we are looking into it.",
        "The hold will be lifted within {small} business days.",
        "Your reference is {number}.",
    ),
}

SUBJECTS: dict[Trade, tuple[str, ...]] = {
    "repair": ("Skärm", "Batteri", "Startar ikke", "No picture"),
    "shop": (
        "Brak faktury do zamówienia {number}",
        "Gdzie jest moja paczka?",
        "Zwrot towaru",
        "Zmiana adresu dostawy",
        "Uszkodzone opakowanie – reklamacja",
        "Pytanie o płatność {money} zł",
        "Rabat naliczony błędnie",
    ),
    "newspaper": ("Utebliven tidning", "Inloggning", "Uppehåll", "Faktura", "Ny adress", "Korsord"),
    "telecom": (
        "Routeren genstarter",
        "Ingen klartone",
        "Faktura {number}",
        "Ny fiber",
        "TV-boks",
        "Flytning af nummer",
    ),
    "bank": ("Card suspended", "Pending transfer", "Missing statement", "Daily limit"),
}


def fill(rng: random.Random, text: str) -> str:
    """Put invented figures into one text."""
    return text.format(
        number=rng.randint(100000, 999999), small=rng.randint(2, 9), money=rng.randint(5, 240) * 10
    )


def write(rng: random.Random, trade: Trade, language: Language, side: Side) -> str:
    """One message of one to three sentences."""
    sentences = _SENTENCES[trade, language, side]
    return fill(rng, " ".join(rng.sample(sentences, rng.randint(1, 3))))


def subject(rng: random.Random, trade: Trade) -> str:
    """One subject line."""
    return fill(rng, rng.choice(SUBJECTS[trade]))
