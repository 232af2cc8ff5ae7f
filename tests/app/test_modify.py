"""Words beside a picture over HTTP: what they filter and keep, what is encoded, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.tools.shop import (
    DESCRIPTIONS,
    IMAGES,
    DrawnEncoder,
    ask,
    data_uri,
    draw,
    error_of,
    products,
    shop_open,
    show,
    write_catalogue,
)

SHIRT = data_uri(draw("blue", "shirt"))
BLUE_SHIRT = "1006"


def titles(answer: Any) -> list[str]:
    return [one["title"] for one in answer["results"]]


def values(answer: Any, attribute: str) -> set[str]:
    return {one["attributes"][attribute] for one in answer["results"]}


def test_a_value_filters_and_the_kind_is_kept(client: httpx.Client) -> None:
    answer = ask(client, IMAGES, image=SHIRT, modify="in yellow", facets=["baseColour"])
    assert titles(answer)[0].startswith("Yellow Shirt")
    assert values(answer, "baseColour") == {"Yellow"}
    assert [one["values"] for one in answer["interpreted"]] == [["Yellow"]]
    assert "Shirt" in answer["kept"]["articleType"]
    assert answer["total"] == len(answer["results"])
    assert answer["facets"]["baseColour"]["Red"]  # without its own filter
    assert answer["mode"] == "hybrid"
    assert all(one["relevance"] is not None for one in answer["results"])


@pytest.mark.parametrize("words", ["en jaune", "in Gelb", "en amarillo", "in giallo", "the same in yelow", "yellow"])
def test_other_languages_and_slips_say_the_same(client: httpx.Client, words: str) -> None:
    assert values(ask(client, IMAGES, image=SHIRT, modify=words), "baseColour") == {"Yellow"}


def test_what_products_are_is_known_where_they_are_named(client: httpx.Client) -> None:
    answer = ask(client, IMAGES, like=[BLUE_SHIRT], modify="in yellow")
    assert answer["kept"] == {"articleType": ["Shirt"]}
    assert {*titles(answer)} == {"Yellow Shirt for Men"}


def test_another_kind_keeps_for_whom_it_is(client: httpx.Client) -> None:
    answer = ask(client, IMAGES, like=[BLUE_SHIRT], modify="as a bag")
    assert values(answer, "articleType") == {"Bag"}
    assert answer["kept"] == {"gender": ["Women"]}
    assert values(answer, "gender") == {"Women", "Unisex"}


def test_what_is_for_everybody_is_for_each(client: httpx.Client) -> None:
    assert values(ask(client, IMAGES, image=SHIRT, modify="for men", keep=False, k=40), "gender") == {"Men", "Unisex"}


def test_what_is_not_wanted_leaves_the_rest_of_the_picture(client: httpx.Client) -> None:
    answer = ask(client, IMAGES, image=SHIRT, modify="not blue", k=4)
    assert "Blue" not in values(answer, "baseColour")
    assert titles(answer)[0].split()[1] == "Shirt"


def test_a_dismissed_phrase_is_a_word_and_the_weight_decides(client: httpx.Client) -> None:
    dismissed = {"image": SHIRT, "modify": "in yellow", "dismiss": ["yellow"]}
    far = ask(client, IMAGES, **dismissed, weights={"modify": 9})
    near = ask(client, IMAGES, **dismissed, weights={"modify": 0})
    assert far["interpreted"] == []
    assert titles(far)[0].startswith("Yellow Shirt")
    assert titles(near)[0].startswith("Blue Shirt")
    assert titles(ask(client, IMAGES, image=SHIRT))[0].startswith("Blue Shirt")


def test_filters_of_the_request_go_first(client: httpx.Client) -> None:
    answer = ask(client, IMAGES, image=SHIRT, modify="in yellow", filters={"articleType": "Bag", "baseColour": "Red"})
    assert (values(answer, "articleType"), values(answer, "baseColour")) == ({"Bag"}, {"Red"})
    assert answer["kept"] == {}


def test_what_is_kept_never_leaves_nothing(client: httpx.Client) -> None:
    # The only shirts in yellow are for men: the kind gives way, what was asked for does not.
    answer = ask(client, IMAGES, like=[BLUE_SHIRT], modify="in yellow", filters={"gender": "Women"})
    assert answer["kept"] == {}
    assert (values(answer, "baseColour"), values(answer, "gender")) == ({"Yellow"}, {"Women"})


def test_pages_batches_and_groups_agree(client: httpx.Client) -> None:
    query = {"image": SHIRT, "modify": "for women", "keep": False}
    whole = ask(client, IMAGES, **query, k=12)
    second = ask(client, IMAGES, **query, k=6, offset=6)
    assert titles(whole)[6:] == titles(second)
    answers = client.post(
        f"{IMAGES}/batch", json={"queries": [{**query, "k": 12}, {"text": "red", "modify": "x"}]}
    ).json()
    assert titles(answers["answers"][0]) == titles(whole)
    assert "send one" in answers["answers"][1]["error"]["message"]
    grouped = ask(client, IMAGES, **query, group_by="articleType")
    assert grouped["total"] == 5
    described = ask(client, DESCRIPTIONS, image=SHIRT, modify="in yellow")
    assert described["results"][0]["description"].startswith("Yellow")


def test_a_form_and_a_vector_say_the_same(client: httpx.Client) -> None:
    of_form = show(client, IMAGES, draw("blue", "shirt"), modify="in yellow")
    vector = client.post("/v1/embeddings", json={"input": SHIRT}).json()["data"][0]["embedding"]
    of_vector = ask(client, IMAGES, vector=vector, modify="in yellow")
    assert titles(of_vector) == titles(of_form) == titles(ask(client, IMAGES, image=SHIRT, modify="in yellow"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"modify": "in blue"}, "there is nothing to search for"),
        ({"modify": "in blue", "unlike": [BLUE_SHIRT]}, "there is none"),
        ({"modify": "in blue", "filters": {"gender": "Men"}}, "there is none"),
        ({"modify": "in blue", "text": "shirt", "like": [BLUE_SHIRT]}, "send one"),
        ({"modify": "in blue", "like": [BLUE_SHIRT], "mode": "lexical"}, "no text"),
        ({"modify": "in blue", "like": [BLUE_SHIRT], "weights": {"modify": 11}}, "weights"),
        ({"modify": "in blue", "like": ["gone"]}, "gone"),
        ({"modify": 3, "like": [BLUE_SHIRT]}, "modify"),
    ],
)
def test_words_beside_nothing_are_refused(client: httpx.Client, fields: dict[str, Any], message: str) -> None:
    assert message in str(error_of(client.post(IMAGES, json=fields), 422, "invalid_request"))


def test_cheaper_is_said_in_five_languages_and_taken_off(tmp_path: Path) -> None:
    priced = [replace(one, attributes={**one.attributes, "price": 5 + at}) for at, one in enumerate(products())]
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder(), priced)
    shirt = next(one for one in priced if one.id == BLUE_SHIRT)
    with shop_open(folder) as client:
        for words in ("cheaper", "less expensive", "moins cher", "etwas günstiger", "más barato", "meno caro"):
            answer = ask(client, IMAGES, like=[BLUE_SHIRT], modify=words, keep=False, k=40)
            (condition,) = answer["interpreted"]
            assert (condition["attribute"], condition["lt"]) == ("price", shirt.attributes["price"]), words
            assert answer["total"] == priced.index(shirt)
            dismissed = ask(client, IMAGES, like=[BLUE_SHIRT], modify=words, dismiss=[condition["text"]], keep=False)
            assert (dismissed["interpreted"], dismissed["total"]) == ([], len(priced) - 1)
        # Without a picture there is nothing to compare with.
        assert (
            ask(client, IMAGES, text="cheaper red dress")["interpreted"]
            == ask(client, IMAGES, text="red dress")["interpreted"]
        )


def test_words_cost_the_encoder_two_texts_once(tmp_path: Path) -> None:
    encoder = DrawnEncoder()
    folder = write_catalogue(tmp_path / "catalogue", encoder)
    with shop_open(folder, encoder) as client:
        encoder.text_batches.clear()
        ask(client, IMAGES, like=[BLUE_SHIRT], modify="in yellow")
        assert encoder.text_batches == [["yellow", "Blue"]]
        ask(client, IMAGES, like=[BLUE_SHIRT], modify="yellow")
        assert encoder.text_batches == [["yellow", "Blue"]]
        answer = ask(client, IMAGES, image=SHIRT, modify="in yellow", image_versions=True)
        assert answer["kept"]
        assert answer["timing_ms"]["understand"] > 0
