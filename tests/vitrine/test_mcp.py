"""The tools that language models are offered, called by the protocol's own client."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client as Caller
from mcp.types import CallToolResult, ImageContent, TextContent, Tool
from typer.testing import CliRunner

from tests.app.helpers import opened
from tests.tools.shop import DrawnEncoder, shop_open, write_catalogue
from vitrine import AsyncClient
from vitrine.cli import cli
from vitrine.mcp import Source, make_server
from vitrine.mcp.running import HOST
from vitrine.mcp.server import MAX_K

Ask = Callable[..., Awaitable[CallToolResult]]
Work = Callable[[Ask, dict[str, Tool]], Awaitable[None]]
TWIN = "twin/0?50%#"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with shop_open(write_catalogue(tmp_path_factory.mktemp("shop") / "catalogue", DrawnEncoder())) as client:
        yield client


def use(work: Work, client: AsyncClient, *, write: bool = False) -> None:
    """Run `work` with the tools of a client."""

    async def run() -> None:
        async with client, Caller(await make_server(client, write=write)) as caller:

            async def ask(tool: str, **given: Any) -> CallToolResult:
                return await caller.call_tool(tool, given)

            await work(ask, {tool.name: tool for tool in (await caller.list_tools()).tools})

    asyncio.run(run())


def service(served: httpx.Client, **options: Any) -> AsyncClient:
    key = served.headers.get("authorization", "").removeprefix("Bearer ")
    return AsyncClient(str(served.base_url), key=key, **options)


def text(answer: CallToolResult) -> str:
    """Return the text of an answer that is no error."""
    assert not answer.is_error, answer
    return "\n".join(one.text for one in answer.content if isinstance(one, TextContent))


def error(answer: CallToolResult) -> str:
    assert answer.is_error
    assert isinstance(answer.content[0], TextContent)
    return answer.content[0].text


def test_products_are_found_looked_at_and_compared(served: httpx.Client) -> None:
    async def work(ask: Ask, tools: dict[str, Tool]) -> None:
        assert set(tools) == {"search", "similar", "product", "facets", "suggest"}
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
        found = text(await ask("search", text="red dress", filters={"gender": "Women"}, k=3)).splitlines()
        assert re.fullmatch(r"3 of \d+ products, best first:", found[0])
        assert "Red Dress for Women" in found[1]
        assert "baseColour: Red" in found[1]
        further = text(await ask("search", text="red dress", k=2, offset=3)).splitlines()
        assert further[1].startswith("4. id ")
        assert "no product" in text(await ask("search", text="dress", filters={"gender": ["Kids"]}))
        shown = text(await ask("product", product_id=TWIN)).splitlines()
        assert shown[:2] == [f"id {TWIN}", "title: Red Dress for Women"]
        assert shown[-1].startswith('etag: "')
        like = text(await ask("similar", product_id=TWIN, same=["articleType"], other_titles=True, k=2))
        assert "Dress" in like
        assert "Red Dress for Women" not in like
        assert "baseColour (text): " in text(await ask("facets", attributes=["baseColour"], limit=3))
        assert text(await ask("facets", attributes=["baseColour"], limit=3)).endswith("and others")
        assert "Red (baseColour," in text(await ask("suggest", text="re"))

    use(work, service(served))


def test_pictures_come_only_on_request_and_small(served: httpx.Client) -> None:
    async def work(ask: Ask, tools: dict[str, Tool]) -> None:
        answer = await ask("search", text="red dress", k=5, pictures=2)
        assert [type(one) for one in answer.content] == [TextContent, ImageContent, ImageContent]
        answer = await ask("product", product_id=TWIN, picture=True)
        assert isinstance(answer.content[1], ImageContent)
        assert answer.content[1].mime_type in ("image/webp", "image/jpeg")

    use(work, service(served))


def test_the_schemas_say_what_there_is_and_bound_what_is_asked(served: httpx.Client) -> None:
    async def work(ask: Ask, tools: dict[str, Tool]) -> None:
        for tool in tools.values():
            for name, about in tool.input_schema["properties"].items():
                assert about.get("description"), f"{tool.name}: {name}"
        assert "48 products" in str(tools["search"].description)
        assert "- baseColour: " in str(tools["search"].description)
        for wrong in ({"k": MAX_K + 1}, {"k": 0}, {"text": "x" * 501}, {"pictures": 7}, {"like": ["x"] * 11}):
            assert "validation error" in error(await ask("search", **wrong))
        for name, tool in tools.items():
            assert tool.input_schema["additionalProperties"] is False, name
        assert "txt" in error(await ask("search", txt="red"))

    use(work, service(served))


def test_errors_say_what_to_do(served: httpx.Client) -> None:
    async def work(ask: Ask, tools: dict[str, Tool]) -> None:
        assert "no product has the id 'none'" in error(await ask("product", product_id="none"))
        assert "baseColour" in error(await ask("search", text="dress", filters={"baseColor": "Red"}))

    use(work, service(served))

    async def silent(ask: Ask, tools: dict[str, Tool]) -> None:
        assert "does the service run" in error(await ask("search", text="dress"))

    use(silent, AsyncClient("http://127.0.0.1:9", retries=0))


def test_changes_need_to_be_asked_for_and_what_was_seen(tmp_path: Path) -> None:
    async def work(ask: Ask, tools: dict[str, Tool]) -> None:
        assert tools["delete_product"].annotations == tools["change_product"].annotations
        assert tools["delete_product"].annotations is not None
        assert tools["delete_product"].annotations.destructive_hint
        etag = text(await ask("product", product_id=TWIN)).rpartition("etag: ")[2]
        changed = text(await ask("change_product", product_id=TWIN, etag=etag, attributes={"price": 5, "gender": None}))
        assert "price: 5" in changed
        assert "gender" not in changed
        for tool, more in (("change_product", {"title": "Stale"}), ("delete_product", {})):
            assert "412" in error(await ask(tool, product_id=TWIN, etag=etag, **more))
        assert "neither" in error(await ask("change_product", product_id=TWIN, etag=etag))
        etag = changed.rpartition("etag: ")[2]
        assert "no longer" in text(await ask("delete_product", product_id=TWIN, etag=etag))
        assert "404" in error(await ask("product", product_id=TWIN))

    with opened(write_catalogue(tmp_path / "catalogue", DrawnEncoder())) as served:
        use(work, service(served), write=True)


def test_over_http_it_answers_this_machine_alone(served: httpx.Client) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    accept = {"accept": "application/json, text/event-stream"}

    async def run(address: str) -> None:
        async with AsyncClient(address) as client:
            app = (await make_server(client)).streamable_http_app(host=HOST)
            inside = httpx.ASGITransport(app)
            async with app.router.lifespan_context(app), httpx.AsyncClient(transport=inside) as caller:
                for host, origin, status in (
                    ("shop.example", None, 421),
                    ("127.0.0.1:8000", "https://shop.example", 403),
                ):
                    headers = {**accept, "host": host, **({"origin": origin} if origin else {})}
                    answer = await caller.post(f"http://{HOST}:8000/mcp", json=asked, headers=headers)
                    assert answer.status_code == status
                good = await caller.post(f"http://{HOST}:8000/mcp", json=asked, headers=accept)
                assert good.status_code not in (403, 421)

    asyncio.run(run(str(served.base_url)))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--write"], "running service"),
        (["--url", "http://127.0.0.1:1", "--catalogue", "x"], "leave out"),
        (["--url", "shop"], "no address"),
    ],
)
def test_what_does_not_go_together_is_refused(words: list[str], said: str) -> None:
    result = CliRunner().invoke(cli, ["mcp", *words])
    assert said in str(result.exception)


def test_a_catalogue_is_opened_here_where_no_service_is_named(exported: Path, catalogue: Path) -> None:
    async def run() -> None:
        here = Source(catalogue=catalogue, checkpoint=exported)
        async with here.open() as client, Caller(await make_server(client)) as caller:
            assert "120 products" in text(await caller.call_tool("facets", {"attributes": ["baseColour"]}))
            assert "Red Ball" in text(await caller.call_tool("search", {"text": "red ball", "k": 2}))

    asyncio.run(run())
