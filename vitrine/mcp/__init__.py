"""A server of the Model Context Protocol: lets language models search a catalogue, by a running service or here.

Needs the extra `mcp`. Knows the service as a client does; nothing here ranks or stores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from vitrine.mcp.running import Source as Source
    from vitrine.mcp.running import run as run
    from vitrine.mcp.server import make_server as make_server

__getattr__ = lazy_exports(
    __name__,
    {
        "vitrine.mcp.running": "Source run",
        "vitrine.mcp.server": "make_server",
    },
)
