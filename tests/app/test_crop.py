"""A part of a picture counts where `crop` says so: in searches, embeddings, labels; and a picture may come alone."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.tools.shop import DESCRIPTIONS, IMAGES, ask, data_uri, draw, encoded, error_of, show

EMBEDDINGS = "/v1/embeddings"
CLASSIFY = "/v1/classify"
LEFT, RIGHT = [0, 0, 0.5, 1], [0.5, 0, 0.5, 1]


def pair() -> Image.Image:
    """Return a red dress, and a blue watch on its right."""
    both = Image.new("RGB", (240, 160), "white")
    both.paste(draw("red", "dress"), (0, 0))
    both.paste(draw("blue", "watch"), (120, 0))
    return both


def first(answer: Any) -> tuple[str, str]:
    attributes = answer["results"][0]["attributes"]
    return attributes["baseColour"], attributes["articleType"]


def vector(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()["data"]
    return np.array(one["embedding"])


def test_a_search_finds_what_is_in_the_part(client: httpx.Client) -> None:
    uri = data_uri(pair())
    assert first(ask(client, IMAGES, image=uri, crop=LEFT)) == ("Red", "Dress")
    assert first(ask(client, IMAGES, image=uri, crop=RIGHT)) == ("Blue", "Watch")
    assert first(show(client, IMAGES, pair(), crop=json.dumps(RIGHT))) == ("Blue", "Watch")
    queries = [{"image": uri, "crop": LEFT}, {"image": uri, "crop": RIGHT}]
    answers = ask(client, f"{IMAGES}/batch", queries=queries)["answers"]
    assert [first(one) for one in answers] == [("Red", "Dress"), ("Blue", "Watch")]
    found = ask(client, DESCRIPTIONS, image=uri, crop=RIGHT)["results"][0]["description"]
    assert found.startswith("Blue Watch")


def test_labels_are_of_the_part(client: httpx.Client) -> None:
    for crop, label in ((LEFT, "red"), (RIGHT, "blue")):
        fields = {"image": data_uri(pair()), "labels": ["red", "blue"], "crop": crop}
        assert ask(client, CLASSIFY, **fields)["results"][0]["label"] == label


def test_a_turned_photo_is_cut_as_it_is_seen(client: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right: what lies below in the file is seen on the left
    turned = encoded(pair().transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    assert first(show(client, IMAGES, turned, crop=json.dumps(LEFT))) == ("Red", "Dress")


def test_a_picture_to_encode_may_come_alone_in_a_form_or_in_json(client: httpx.Client) -> None:
    data, headers = encoded(pair()), {"content-type": "image/png"}
    for crop in (None, RIGHT):
        fields = {} if crop is None else {"crop": crop}
        as_json = vector(client.post(EMBEDDINGS, json={"input": data_uri(pair()), **fields}))
        texts = {name: json.dumps(value) for name, value in fields.items()}
        in_form = vector(client.post(EMBEDDINGS, files={"image": ("a.png", data)}, data=texts))
        alone = vector(client.post(EMBEDDINGS, content=data, headers=headers, params=texts))
        assert np.array_equal(as_json, in_form)
        assert np.array_equal(as_json, alone)
        listed = {name: ",".join(map(str, value)) for name, value in fields.items()}
        assert np.array_equal(as_json, vector(client.post(EMBEDDINGS, content=data, headers=headers, params=listed)))
    answer = client.post(EMBEDDINGS, content=data, headers=headers, params={"encoding_format": "base64"})
    assert isinstance(answer.json()["data"][0]["embedding"], str)


def test_a_field_left_empty_beside_a_picture_alone_counts_as_not_sent(client: httpx.Client) -> None:
    data, headers = encoded(pair()), {"content-type": "image/png"}
    whole = vector(client.post(EMBEDDINGS, content=data, headers=headers))
    for address in ("?crop=", "?model=&crop=%20&encoding_format=&encoding_format=float", "?nothing="):
        assert np.array_equal(vector(client.post(f"{EMBEDDINGS}{address}", content=data, headers=headers)), whole)
    assert client.post("/v1/regions?crop=", content=data, headers=headers).status_code == 200
    error_of(client.post(f"{EMBEDDINGS}?nothing=1", content=data, headers=headers), 422, "invalid_request")


@pytest.mark.parametrize(
    "crop",
    [
        [0, 0, 1],
        [0, 0, 1, 1, 1],
        [-0.1, 0, 0.5, 0.5],
        [0, 0, 1.1, 1],
        [0.6, 0, 0.5, 1],
        [0, 0.6, 1, 0.5],
        [0, 0, 0.01, 1],
        [0, 0, 1, 0],
        ["0", "0", "1", "1"],
        "0,0,1,1",
        {"x": 0},
    ],
)
def test_a_part_that_is_none_is_refused(client: httpx.Client, crop: Any) -> None:
    for path, picture in ((IMAGES, "image"), (CLASSIFY, "image"), (EMBEDDINGS, "input")):
        labels = {"labels": ["red", "blue"]} if path == CLASSIFY else {}
        answer = client.post(path, json={picture: data_uri(pair()), "crop": crop, **labels})
        details = error_of(answer, 422, "invalid_request")["details"]
        assert details[0]["field"].startswith("crop"), details


def test_a_part_of_nothing_is_refused(client: httpx.Client) -> None:
    for path, fields in (
        (IMAGES, {"text": "red"}),
        (CLASSIFY, {"product_id": "1000", "labels": ["red", "blue"]}),
        (EMBEDDINGS, {"input": "red"}),
        (EMBEDDINGS, {"input": [data_uri(pair()), data_uri(pair())]}),
        ("/v1/explain", {"like": ["1000"], "descriptions": ["red"]}),
    ):
        answer = client.post(path, json={**fields, "crop": LEFT})
        assert error_of(answer, 422, "invalid_request")["details"][0]["field"] == "crop", path


def test_rounding_beyond_the_edge_is_no_mistake(client: httpx.Client) -> None:
    assert ask(client, IMAGES, image=data_uri(pair()), crop=[0.9, 0.7, 0.1, 0.30000000000000004])["results"]


def test_a_picture_alone_that_is_wrong_is_told_so(client: httpx.Client) -> None:
    headers = {"content-type": "image/jpeg"}

    def sent(data: bytes, **params: str) -> httpx.Response:
        return client.post(EMBEDDINGS, content=data, headers=headers, params=params)

    error_of(sent(b"no picture"), 422, "bad_image")
    error_of(sent(b""), 422, "invalid_request")
    error_of(sent(encoded(pair()), input="red"), 422, "invalid_request")
    error_of(sent(encoded(pair()), crop="left"), 422, "invalid_request")
    error_of(sent(encoded(pair()), dimensions="7"), 422, "invalid_request")
    error_of(sent(b"\xff\xd8\xff" + bytes(3_000_000)), 413, "too_large")
    two = client.post(EMBEDDINGS, params={"crop": "[0,0,1,1]"}, files={"image": ("a", encoded(pair()))})
    assert two.status_code == 200, "fields of a form stand in the form"
    error_of(client.post(IMAGES, content=encoded(pair()), headers=headers), 415, "unsupported_media_type")
