"""The front door: the Python API, the command line, and the one package that knows both training and app.

`load_encoder`, `shipped_checkpoint`, `open_catalogue`, `Client` and `AsyncClient` are the public Python API; `main`
runs the command line. Each is imported on first use, so that `import vitrine` costs nothing and a catalogue opens
without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from index import open_catalogue as open_catalogue
    from models import load_encoder as load_encoder
    from vitrine.cli import main as main
    from vitrine.client import AsyncClient as AsyncClient
    from vitrine.client import Client as Client
    from vitrine.places import shipped_checkpoint as shipped_checkpoint

__getattr__ = lazy_exports(
    __name__,
    {
        "index": "open_catalogue",
        "models": "load_encoder",
        "vitrine.cli": "main",
        "vitrine.client": "AsyncClient Client",
        "vitrine.places": "shipped_checkpoint",
    },
)
