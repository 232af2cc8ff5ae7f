"""Words that cells of tables say yes, no and availability in, in the languages of shop systems."""

from __future__ import annotations

from training.data.column_names import key

TRUE = frozenset(("true", "wahr", "vrai", "verdadero", "vero", "waar", "истина", "prawda", "sant", "sann"))
FALSE = frozenset(("false", "falsch", "faux", "falso", "onwaar", "ложь", "fałsz", "falskt", "falsk", "usann"))
YES = TRUE | frozenset(("1", "y", "yes", "ja", "j", "oui", "o", "si", "sí", "s", "tak", "да", "on", "x", "1.0"))
NO = FALSE | frozenset(("0", "-1", "n", "no", "nein", "non", "nee", "nie", "nej", "нет", "off", "0.0"))
_IN = (
    "in stock|instock|available|auf lager|lieferbar|sofort lieferbar|verfugbar|vorratig|lagernd|en stock|disponible|"
    "disponibile|in magazzino|op voorraad|dostepny|w magazynie|i lager|pa lager|в наличии|在庫あり|有货|"
    "limited availability|limitedavailability|low stock|low_stock|in store only|instoreonly|online only|onlineonly"
)
_OUT = (
    "out of stock|outofstock|sold out|soldout|unavailable|not available|nicht auf lager|nicht vorratig|"
    "nicht verfugbar|nicht lieferbar|ausverkauft|vergriffen|rupture de stock|en rupture|en rupture de stock|epuise|"
    "indisponible|agotado|sin existencias|no disponible|esaurito|non disponibile|uitverkocht|niet op voorraad|"
    "нет в наличии|在庫なし|缺货"
)
_LATER = {
    "preorder": "preorder|pre order|presale|vorbestellbar|vorbestellung|precommande|preventa|preordine",
    "backorder": "backorder|on backorder|onbackorder|back order|madetoorder|made to order|nachbestellung|nachbestellt",
    "discontinued": "discontinued|ausgelaufen|eingestellt|discontinue|descatalogado",
}
_AVAILABLE = {
    key(words): meant
    for meant, listed in {"in stock": _IN, "out of stock": _OUT, **_LATER}.items()
    for words in listed.split("|")
}
SIZES = frozenset(
    (
        "size",
        "sizes",
        "grosse",
        "groesse",
        "grossen",
        "taille",
        "tailles",
        "talla",
        "tallas",
        "taglia",
        "taglie",
        "maat",
        "maten",
    )
)


def availability_of(text: str) -> str | None:
    """Return "in stock", "out of stock", "preorder", "backorder" or "discontinued"; None for words not known.

    Takes the addresses of schema.org, yes and no, and a number of pieces.
    """
    text = text.rstrip("/").rsplit("schema.org/", 1)[-1]
    meant = _AVAILABLE.get(key(text))
    if meant is None and text.casefold() in YES:
        return "in stock"
    if meant is None and text.casefold() in NO:
        return "out of stock"
    return "in stock" if meant is None and text.isdigit() else meant
