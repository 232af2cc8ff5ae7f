"""The files that pages load: read once, compressed once, under an address that names their content.

A relative import within a module inherits the digest of its address, so a page never mixes files of two versions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import Response
from starlette.datastructures import Headers

from app.http import FOREVER, accepts_gzip, is_known, packed

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    "": "text/plain; charset=utf-8",  # LICENSE, NOTICE
}
CHECKED = "no-cache"
"""For the file of an address that names another version: a page from a cache, or a service that is being replaced."""
IMPORT = re.compile(r'^(?:import|export|\}) ?[^;]*?(?:from )?"\./([\w./-]+)";', re.MULTILINE)
"""A static import of a module beside it; one within a function is loaded later."""
DIGITS = 16
"""Of a SHA-256 in hexadecimal, in addresses and entity tags."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: as it is, and compressed by gzip where that is smaller."""

    data: bytes
    packed: bytes | None
    media_type: str
    tag: str


class Assets:
    """Files by their path, with slashes between; `digest` names the content of all of them.

    Raises:
        KeyError: a file is of a kind that has no media type here.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        whole = hashlib.sha256()
        self._files = {}
        for path, data in sorted(files.items()):
            tag = hashlib.sha256(data).hexdigest()[:DIGITS]
            whole.update(f"{path}\0{tag}\0".encode())
            self._files[path] = Asset(data, packed(data), MEDIA_TYPES[Path(path).suffix], tag)
        self.digest = whole.hexdigest()[:DIGITS]
        self._modules: dict[str, list[str]] = {}

    def get(self, path: str) -> Asset | None:
        """Return the file of this path; None where there is none."""
        return self._files.get(path)

    def modules(self, script: str) -> list[str]:
        """Return a script and all that it imports before it runs, the nearest first: what a document loads at once.

        Raises:
            KeyError: there is no such file, or one that is imported is missing.
        """
        if script not in self._modules:
            found = [script]
            for path in found:
                imported = IMPORT.findall(self._files[path].data.decode())
                found += [name for name in dict.fromkeys(imported) if name not in found]
            self._modules[script] = found
        return self._modules[script]


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return all files below `folder` that browsers load: no templates, and no words, which are merged first."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    found = {path.relative_to(folder).as_posix(): path for path in files if path.suffix != ".html"}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith("words/")}


def asset_response(asset: Asset, headers: Headers, *, named: bool) -> Response:
    """Return the answer that carries a file.

    Args:
        asset: the file.
        headers: of the request.
        named: whether its address names this content, so that it holds for ever.
    """
    small = asset.packed if accepts_gzip(headers) else None
    etag = f'"{asset.tag}-gz"' if small else f'"{asset.tag}"'
    answer = {"ETag": etag, "Cache-Control": FOREVER if named else CHECKED, "Vary": "Accept-Encoding"}
    if is_known(headers, etag):
        return Response(status_code=304, headers=answer)
    if small:
        answer["Content-Encoding"] = "gzip"
    return Response(small or asset.data, media_type=asset.media_type, headers=answer)
