"""The tools that a language model is offered, with what it must know to call them well.

Tools only read, unless writing is asked for. What goes wrong comes back as the text of an error that says what to do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar

from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations
from pydantic import Field

from common import VitrineError
from vitrine.client import AsyncClient
from vitrine.client.tries import own_version
from vitrine.mcp import shown

T = TypeVar("T")
MAX_K = 50
MAX_TEXT = 500
MAX_ID = 200
MAX_PICTURES = 6
PICTURE_WIDTH = 320
MAX_PICTURE_BYTES = 500_000
"""A larger picture is left out."""
MAX_VALUES = 50

INSTRUCTIONS = (
    "Search a shop's product catalogue by words, by a product that others should be like, and by filters. Begin with "
    "`search`; name products to the user by title, and keep their ids for `product` and `similar`. Relevance is how "
    "often results with such a score are right."
)
Text = Annotated[str | None, Field(max_length=MAX_TEXT, description="What to look for, in a customer's words.")]
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID, description="Id of a product, as results have it.")]
Ids = Annotated[list[str], Field(max_length=10, description="Ids of products that what is looked for is like.")]
Filters = Annotated[
    dict[str, Any],
    Field(
        max_length=16,
        description='Attribute to a value, a list of allowed values, or a condition: {"baseColour": ["Red", "Pink"], '
        '"year": {"gte": 2012}, "gender": {"not": "Men"}}. All must hold; case does not matter.',
    ),
]
Count = Annotated[int, Field(ge=1, le=MAX_K, description="How many products to return.")]
Offset = Annotated[int, Field(ge=0, le=1000, description="How many of the best to skip, to see more.")]
Pictures = Annotated[
    int, Field(ge=0, le=MAX_PICTURES, description="Of how many of the results to see the picture; 0: none.")
]
Names = Annotated[list[str], Field(max_length=16, description="Attributes; none: all.")]
Changes = Annotated[
    dict[str, Any], Field(max_length=64, description="Attribute to its new value; null takes it out, others stay.")
]
Etag = Annotated[str, Field(min_length=1, max_length=100, description="`etag` of the product as `product` showed it.")]

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)


class Tools:
    """The tools, on one client.

    Args:
        client: of the service that is asked.
    """

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def search(
        self,
        text: Text = None,
        filters: Filters = {},  # noqa: B006 - of the schema, and never changed
        like: Ids = [],  # noqa: B006
        k: Count = 10,
        offset: Offset = 0,
        sort: Annotated[
            str, Field(max_length=MAX_TEXT, description="relevance, newest, or an attribute as price:asc.")
        ] = "relevance",
        pictures: Pictures = 0,
    ) -> list[Any]:
        """Find products by words, by products that they are like, by filters, or by all of these together."""
        query: dict[str, Any] = {"filters": filters, "like": like, "k": k, "offset": offset, "sort": sort}
        answer = await _answered(self._client.search(text, **query))
        ids = [one["id"] for one in answer["results"][:pictures]]
        return [shown.results(answer, offset + 1), *await self._pictures(ids)]

    async def similar(
        self,
        product_id: Id,
        same: Annotated[
            list[str], Field(max_length=8, description="Attributes whose value must be that of the product.")
        ] = [],  # noqa: B006
        filters: Filters = {},  # noqa: B006
        other_titles: Annotated[bool, Field(description="Leave out products of the same title.")] = False,
        k: Count = 10,
        offset: Offset = 0,
        pictures: Pictures = 0,
    ) -> list[Any]:
        """Find the products that look most like one; itself is left out."""
        without: Literal["title"] | None = "title" if other_titles else None
        answer = await _answered(
            self._client.similar(product_id, same=same, filters=filters or None, without=without, k=k, offset=offset)
        )
        ids = [one["id"] for one in answer["results"][:pictures]]
        return [shown.results(answer, offset + 1), *await self._pictures(ids)]

    async def product(
        self, product_id: Id, picture: Annotated[bool, Field(description="Whether to see its picture.")] = False
    ) -> list[Any]:
        """Return one product: its title, all of its attributes, and its picture where that is asked for."""
        found = await _answered(self._client.get_product(product_id))
        return [shown.product(found), *await self._pictures([product_id] if picture else [])]

    async def facets(
        self,
        attributes: Names = [],  # noqa: B006
        filters: Filters = {},  # noqa: B006
        limit: Annotated[int, Field(ge=1, le=MAX_VALUES, description="Most values of each.")] = 20,
    ) -> str:
        """Count which values attributes have among the products that pass the filters, the most frequent first."""
        # One more than is shown tells whether there are others.
        answer = await _answered(self._client.facets(attributes, filters=filters or None, limit=limit + 1))
        return shown.facets(answer, limit)

    async def suggest(
        self,
        text: Annotated[str, Field(max_length=MAX_TEXT, description="The beginning of a word or of a title.")],
    ) -> str:
        """Complete a word or a title as the catalogue has it: brands, values, titles."""
        answer = await _answered(self._client.suggest(text, k=8))
        found = [
            f"{one['text']} ({one['attribute'] or one['kind']}, {one['count']:,} products)"
            for one in answer["suggestions"]
        ]
        return "\n".join(found) or "nothing in the catalogue begins like that"

    async def change_product(
        self,
        product_id: Id,
        etag: Etag,
        title: Annotated[str | None, Field(max_length=1000, description="Its new title.")] = None,
        attributes: Changes = {},  # noqa: B006
    ) -> str:
        """Change the title or attributes of a product, if it is still as `product` showed it."""
        if title is None and not attributes:
            raise ToolError("neither a title nor attributes are given; give what is to change")
        changed = await _answered(
            self._client.patch_product(product_id, title=title, attributes=attributes or None, if_match=etag)
        )
        return shown.product(changed)

    async def delete_product(self, product_id: Id, etag: Etag) -> str:
        """Take a product out of the catalogue, if it is still as `product` showed it."""
        await _answered(self._client.delete_product(product_id, if_match=etag))
        return f"product {product_id} is no longer in the catalogue"

    async def _pictures(self, ids: list[str]) -> list[Image]:
        """Return small pictures of products, in order; without those that cannot be had."""
        found = []
        for one in ids:
            try:
                data = await self._client.get_image(one, width=PICTURE_WIDTH)
            except VitrineError:
                continue  # the text says enough
            if len(data) <= MAX_PICTURE_BYTES:
                found.append(Image(data=data, format="webp" if data[:4] == b"RIFF" else "jpeg"))
        return found


async def make_server(client: AsyncClient, *, write: bool = False) -> MCPServer[Any]:
    """Return the server of a client's tools; with `write`, also of those that change the catalogue.

    Their descriptions name the catalogue's attributes and values, where it can be asked now.
    """
    try:
        about = shown.about(await client.facets(limit=shown.ABOUT_ATTRIBUTES))
    except VitrineError:
        about = "`facets` says which attributes and values there are."
    tools = Tools(client)
    reads: list[Callable[..., Any]] = [tools.similar, tools.facets, tools.product, tools.suggest]
    writes: list[Callable[..., Any]] = [tools.change_product, tools.delete_product] if write else []
    offered = [_tool(tools.search, READS, f"{tools.search.__doc__}\n\n{about}")]
    offered += [_tool(one, READS) for one in reads] + [_tool(one, WRITES) for one in writes]
    return MCPServer(
        "vitrine",
        title="Vitrine product search",
        instructions=f"{INSTRUCTIONS}\n\n{about}",
        version=own_version(),
        tools=offered,
        log_level="WARNING",
    )


def _tool(work: Callable[..., Any], hints: ToolAnnotations, description: str | None = None) -> Tool:
    """Return a tool that refuses arguments it does not know: without `txt`, a search would find all products."""
    tool = Tool.from_function(work, description=description or work.__doc__, annotations=hints, structured_output=False)
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    tool.parameters["additionalProperties"] = False
    return tool


async def _answered(work: Awaitable[T]) -> T:
    """Return what a call says.

    Raises:
        ToolError: what is wrong, and what to do about it.
    """
    try:
        return await work
    except VitrineError as error:
        raise ToolError(str(error)) from error
