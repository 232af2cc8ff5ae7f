"""GET /v1/labels: what pages write for the served catalogue's attributes and values."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.app.helpers import body as product_body
from tests.app.helpers import put
from tests.tools.shop import error_of, shop_open

LABELS = "/v1/labels"


def test_the_values_of_the_catalogue_have_labels_in_five_languages(client: httpx.Client) -> None:
    shop = client.get("/v1/facets").json()["facets"]
    for language, red, colour in (("fr", "Rouge", "Couleur"), ("de", "Rot", "Farbe"), ("es", "Rojo", "Color")):
        answer = client.get(LABELS, params={"lang": language}).json()
        assert answer["language"] == language
        assert answer["attributes"]["baseColour"] == colour
        assert answer["values"]["baseColour"]["Red"] == red
        assert set(answer["attributes"]) <= set(shop), "only what the catalogue has"
        for attribute, values in answer["values"].items():
            assert set(values) <= set(shop[attribute])
    assert client.get(LABELS, params={"lang": "it"}).json()["values"]["baseColour"]["Red"] == "Rosso"
    assert client.get(LABELS, params={"lang": "en"}).json() == {"language": "en", "attributes": {}, "values": {}}


def test_the_language_is_that_of_the_visitor(client: httpx.Client) -> None:
    german = client.get(LABELS, headers={"Accept-Language": "pt, de-AT;q=0.8, fr;q=0.5"})
    assert german.json()["language"] == "de"
    assert "Accept-Language" in german.headers["vary"]
    chosen = client.get(LABELS, params={"lang": "fr-CH"}, headers={"Accept-Language": "de"})
    assert chosen.json()["language"] == "fr"
    assert "accept-language" not in chosen.headers.get("vary", "").lower()
    for unknown in ("pt", "", "x" * 100, "*"):
        assert client.get(LABELS, params={"lang": unknown}).json()["language"] == "en"
    error_of(client.get(LABELS, params={"lang": "x" * 101}), 422, "invalid_request")


def test_what_the_caller_has_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get(LABELS, params={"lang": "fr"})
    again = client.get(LABELS, params={"lang": "fr"}, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(LABELS, params={"lang": "de"}).headers["etag"] != first.headers["etag"]


def test_a_new_value_gets_its_label(editor: httpx.Client) -> None:
    before = editor.get(LABELS, params={"lang": "fr"})
    assert "season" not in before.json()["attributes"]
    value = product_body("red", "bag")
    assert put(editor, "new", {**value, "attributes": {**value["attributes"], "season": "Fall"}}).status_code == 201
    after = editor.get(LABELS, params={"lang": "fr"}, headers={"If-None-Match": before.headers["etag"]})
    assert after.json()["values"]["season"] == {"Fall": "Automne"}


def test_a_shops_own_lexicon_says_its_own(folder: Path, tmp_path: Path) -> None:
    text = 'language = "fr"\nname = "français"\n[labels]\nRed = "Rouge vif"\n'
    (tmp_path / "fr.toml").write_text(text, encoding="utf-8")
    with shop_open(folder, lexicons=tmp_path) as client:
        assert client.get(LABELS, params={"lang": "fr"}).json()["values"]["baseColour"]["Red"] == "Rouge vif"


def test_labels_need_a_key_where_searches_do(folder: Path, tmp_path: Path) -> None:
    with shop_open(folder, keys=tmp_path / "keys.json", reads="keyed") as client:
        error_of(client.get(LABELS), 401, "unauthorized")
