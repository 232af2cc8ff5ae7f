"""The front door: the command line, and the one package that knows both training and app.

`main` runs the command line; it is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from vitrine.cli import main as main

__getattr__ = lazy_exports(__name__, {"vitrine.cli": "main"})
