"""The client against a real service: what it asks, what it returns, how it reads lists and writes products."""

from __future__ import annotations

import asyncio
import inspect
import io
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from app.server import create_app
from app.settings import Settings
from common import ConflictError, InputError, NotFoundError
from tests.app.helpers import opened
from tests.tools.root import ROOT
from tests.tools.shop import PATIENT, DrawnEncoder, draw, encoded, shop_open, write_catalogue
from vitrine import AsyncClient, Client
from vitrine.client import AccessError, ChangedError, MissingError, RefusedError, TooLargeError
from vitrine.client.writing import LINES

TWIN = "twin/0?50%#"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(tmp_path_factory.mktemp("shop") / "catalogue", DrawnEncoder())


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[Client]:
    """Yield a client of a service that is read only."""
    with shop_open(folder) as served, Client(str(served.base_url)) as client:
        yield client


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Client]:
    """Yield a client that may write, of a service of its own."""
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    with opened(folder) as served, of(served) as client:
        yield client


def of(served: httpx.Client) -> Client:
    key = served.headers.get("authorization", "").removeprefix("Bearer ")
    return Client(str(served.base_url), key=key, first_wait=0.01)


def picture(colour: str = "red", kind: str = "bag") -> bytes:
    return encoded(draw(colour, kind))


def test_a_search_takes_words_pictures_and_all_else_that_the_service_takes(client: Client, tmp_path: Path) -> None:
    found = client.search("red dress", k=3, filters={"gender": "Women"}, facets=["baseColour"])
    assert found["results"][0]["title"] == "Red Dress for Women"
    assert found["facets"]["baseColour"]["Red"] > 0
    file = tmp_path / "bag.png"
    file.write_bytes(picture())
    expected = client.search(image=picture(), k=5)["results"]
    assert "Bag" in expected[0]["title"]
    for same in (file, str(file), io.BytesIO(picture()), Image.open(file).convert("RGBA")):
        assert client.search(image=same, k=5)["results"] == expected
    assert "Bag" in client.search(image=draw("red", "bag"))["results"][0]["title"]  # sent as JPEG
    assert client.search_descriptions("red dress", k=1)["results"][0]["product_ids"]
    for wrong in ("https://shop.example/bag.png", 7):
        with pytest.raises(TypeError):
            client.search(image=wrong)  # type: ignore[arg-type]


def test_what_is_told_of_catalogue_and_encoder(client: Client) -> None:
    assert client.suggest("re", k=2)["suggestions"][0]["text"] == "Red"
    assert list(client.facets("gender")["facets"]) == ["gender"]
    assert len(client.facets(filters={"gender": "Men"}, limit=1)["facets"]["baseColour"]) == 1
    assert client.labels("fr")["language"] == "fr"
    assert client.find_regions(picture())["regions"] is not None
    vectors = client.embed(["red bag", "blue dress"], images=picture())["data"]
    assert len(vectors) == 3
    assert client.embed("red bag")["data"][0]["embedding"] == vectors[0]["embedding"]
    assert client.classify(["red", "blue"], image=picture())["results"][0]["label"] == "red"
    assert client.tag("1000", attributes="articleType")["results"][0]["id"] == "1000"
    assert [one["index"] for one in client.tag(images=[picture()], min_confidence=0.1)["results"]] == [0]
    assert client.explain("red bag", image=picture())["results"][0]["words"]
    assert client.evaluate(slices="gender")["queries"] > 0
    assert client.get_model(client.list_models()["data"][0]["id"])["object"] == "model"
    assert client.ready()["products"] == 48
    assert client.health() == {"status": "ok"}
    assert client.evaluation_details(limit=1)["split"] == "test"
    assert "state" in client.evaluation_progress()


def test_several_searches_go_in_one_call(client: Client) -> None:
    good, bad = client.search_batch([{"image": picture(), "k": 1}, {"text": "x", "k": 0}])
    assert "Bag" in good["results"][0]["title"]  # type: ignore[typeddict-item]
    assert bad["error"]["code"] == "invalid_request"  # type: ignore[typeddict-item]
    assert client.search_descriptions_batch([{"text": "red dress"}])[0]["results"]  # type: ignore[typeddict-item]


def test_similar_products_share_what_is_asked(client: Client) -> None:
    found = client.similar(TWIN, k=5, same=["articleType"], without="title", facets="gender")
    assert {one["attributes"]["articleType"] for one in found["results"]} == {"Dress"}
    assert "Red Dress for Women" not in [one["title"] for one in found["results"]]
    assert list(found["facets"]) == ["gender"]


def test_a_product_of_any_id_is_read_with_its_tag_and_its_picture(client: Client) -> None:
    product = client.get_product(TWIN)
    assert (product["id"], product["title"], product["etag"][0]) == (TWIN, "Red Dress for Women", '"')
    assert Image.open(io.BytesIO(client.get_image(TWIN))).size == (120, 160)
    with pytest.raises(NotFoundError) as missing:
        client.get_product("none")
    error = missing.value
    assert isinstance(error, MissingError)
    assert (error.status, error.code) == (404, "not_found")
    assert error.request_id
    assert "'none'" in error.message


def test_a_bad_field_is_named(client: Client) -> None:
    with pytest.raises(RefusedError) as refused:
        client.search("x", k=0)
    assert (refused.value.code, refused.value.details[0]["field"]) == ("invalid_request", "k")
    assert isinstance(refused.value, InputError)


def test_lists_are_gone_through_page_by_page(client: Client) -> None:
    listed = list(client.list_products(page=7))
    assert [one["id"] for one in listed] == sorted(one["id"] for one in listed)
    assert len(listed) == 48
    women = list(client.list_products(filters={"gender": "Women"}, fields="etag", page=5))
    assert {tuple(one) for one in women} == {("id", "etag")}
    every = [one["id"] for one in client.search_all("red dress", k=11)]
    assert every == [one["id"] for one in client.search("red dress", k=100)["results"]]
    assert [one["id"] for one in client.search_all("red dress", k=4, offset=3, limit=10)] == every[3:13]
    for wrong in (client.search_all("red dress", limit=0), client.search_all("red dress", k=0)):
        with pytest.raises(InputError, match="give both at least 1"):
            next(wrong)


def test_a_product_is_put_in_changed_and_taken_out(writer: Client) -> None:
    made = writer.put_product("new/1", title="New bag", attributes={"price": 5}, image=picture(), if_absent=True)
    assert made["attributes"] == {"price": 5}
    with pytest.raises(ConflictError):
        writer.put_product("new/1", title="Again", image=picture(), if_absent=True)
    changed = writer.patch_product("new/1", attributes={"price": 6}, if_match=made["etag"])
    assert changed["title"] == "New bag"
    with pytest.raises(ChangedError) as stale:
        writer.patch_product("new/1", title="Lost", if_match=made["etag"])
    assert stale.value.status == 412
    with pytest.raises(ChangedError):
        writer.delete_product("new/1", if_match=made["etag"])
    writer.delete_product("new/1", if_match=changed["etag"])
    writer.delete_product("new/1")
    count = writer.delete_products({"gender": "Men"}, dry_run=True)["count"]
    with pytest.raises(ChangedError):
        writer.delete_products({"gender": "Men"}, confirm=count + 1)
    assert writer.delete_products({"gender": "Men"}, confirm=count)["deleted"] == count


def test_many_products_are_written_in_calls_of_bounded_size(writer: Client) -> None:
    lines: list[dict[str, Any]] = [{"id": f"n{n}", "title": f"Bag {n}", "image": picture()} for n in range(LINES + 5)]
    lines[LINES + 2] = {"id": "bad", "title": "Bad", "image": b"no picture"}
    assert writer.write_products(iter(lines), dry_run=True)["created"] == LINES + 4
    told = writer.write_products(iter(lines))
    assert (told["created"], told["failed"], told["dry_run"]) == (LINES + 4, 1, False)
    assert [(one["line"], one["id"], one["code"]) for one in told["errors"]] == [(LINES + 3, "bad", "bad_image")]
    assert writer.write_products([{"id": "n0", "delete": True}, {"id": "n1"}])["deleted"] == 1


def test_a_line_that_is_too_large_fails_alone(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    with opened(folder, max_upload_mb=0.05) as served, of(served) as client:
        lines = [{"id": f"n{n}", "title": "Bag", "image": picture() + bytes(100_000 * (n == 1))} for n in range(4)]
        told = client.write_products(lines)
        assert (told["created"], [one["line"] for one in told["errors"]]) == (3, [2])
        with pytest.raises(TooLargeError, match="VITRINE_MAX_UPLOAD_MB"):
            client.put_product("n1", title="Bag", image=picture() + bytes(100_000))


def test_products_of_a_program_are_synchronised(writer: Client) -> None:
    kept = [{"id": "a", "title": "Red bag", "image": picture(), "attributes": {"price": 2.0, "none": None}}]
    told = writer.sync(kept, keep_missing=True)
    assert (told["created"], told["kept"]) == (1, 48)
    assert writer.sync(kept, keep_missing=True)["unchanged"] == 1
    with pytest.raises(InputError, match="max-delete"):
        writer.sync(kept)
    assert writer.sync(kept, max_delete=1)["deleted"] == 48
    for wrong in ([{"id": "a", "title": "Red bag"}], kept * 2):
        with pytest.raises(InputError):
            writer.sync(wrong)


def test_a_keyed_service_and_one_below_a_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(folder, "read") as served:
        key = served.headers["authorization"].removeprefix("Bearer ")
        monkeypatch.setenv("VITRINE_URL", str(served.base_url))
        with Client() as client, pytest.raises(AccessError, match="VITRINE_KEY"):
            client.delete_product("1000")
        monkeypatch.setenv("VITRINE_KEY", key)
        with Client() as client:
            assert client.facets()["total"] == 48
            with pytest.raises(AccessError, match="write") as refused:
                client.delete_product("1000")
            assert refused.value.status == 403
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={})

    with Client("https://shop.example/find/", http=httpx.Client(transport=httpx.MockTransport(answer))) as client:
        client.get_product(TWIN)
    assert asked[0].url.raw_path == b"/find/v1/products/twin%2F0%3F50%25%23"
    assert asked[0].headers["user-agent"].startswith("vitrine/")
    for wrong in ("shop.example", "ftp://shop.example", "http://me:secret@shop.example", "http://shop.example/?a=1"):
        with pytest.raises(InputError):
            Client(wrong)


def test_the_asynchronous_client_does_the_same(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    app = create_app(Settings.read(catalogue=folder, **PATIENT), encoder=DrawnEncoder())

    async def lines() -> AsyncIterator[dict[str, Any]]:
        for number in range(3):
            yield {"id": f"n{number}", "title": "Bag", "image": picture()}

    async def use() -> None:
        async with app.router.lifespan_context(app):
            http = httpx.AsyncClient(transport=httpx.ASGITransport(app))
            async with AsyncClient("http://localhost", http=http) as client:
                both = await asyncio.gather(client.search("red dress", k=1), client.search("blue bag", k=1))
                assert [one["results"][0]["title"].split()[0] for one in both] == ["Red", "Blue"]
                assert len([one async for one in client.list_products(page=7)]) == 48
                assert (await client.get_product(TWIN))["etag"]
                with pytest.raises(AccessError):  # without keys nobody writes
                    await client.write_products(lines())
                with pytest.raises(AccessError):
                    await client.sync([{"id": "a", "title": "Bag", "image": picture()}], keep_missing=True)
                told = await client.sync([{"id": "a", "title": "b", "image": picture()}], max_delete=1, dry_run=True)
                assert (told["created"], told["deleted"]) == (1, 48)

    asyncio.run(use())


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, inspect.Signature]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {name: inspect.signature(one) for name, one in found if not name.startswith("_")}

    blocking, other = methods(Client), methods(AsyncClient)
    assert list(blocking) == list(other)
    for name in blocking.keys() - {"with_options", "write_products"}:
        assert str(blocking[name].parameters) == str(other[name].parameters), name
        assert getattr(Client, name).__doc__ or name == "close"


def test_an_import_of_the_client_brings_neither_service_nor_numbers() -> None:
    heavy = "{'numpy', 'faiss', 'fastapi', 'pydantic', 'onnxruntime', 'torch', 'PIL', 'typer'}"
    program = f"import sys\nfrom vitrine import Client, AsyncClient\nassert not {heavy} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
