"""HTML documents from templates: everything in them is escaped, and every address in them is relative.

A document holds no data of its caller's, unless its template is given some. Below a path of a proxy it works as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import Headers

from app.front.assets import DIGITS, Assets
from app.front.words import LANGUAGES, Words
from app.http import accepts_gzip, is_known, packed


class Documents:
    """The templates `*.html` of a folder."""

    def __init__(self, folder: Path, assets: Assets, words: Words) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._assets = assets
        self._words = words

    def render(self, name: str, language: str, *, root: str = "./", **values: Any) -> bytes:
        """Return a document.

        Every template may use `lang`, `languages` (their own names by their tags), `root` (the address of the service
        from the document: `./`, `../`, ...), `assets` (that of the files), `modules(script)` (the scripts that this one
        loads at once) and `say(key, ...)`.

        Args:
            name: of the template, without `.html`.
            language: of the document, one of `LANGUAGES`.
            root: the address of the service from that of the document.
            values: what else the template uses.
        """
        text = self._templates.get_template(f"{name}.html").render(
            lang=language,
            languages=LANGUAGES,
            root=root,
            assets=f"{root.removeprefix('./')}assets/{self._assets.digest}",
            modules=self._assets.modules,
            say=partial(self._words.say, language),
            **values,
        )
        return text.encode("utf-8", "replace")  # a title may have half of a surrogate pair


def document_response(
    document: bytes, asked: Headers, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer that carries a document: compressed where that is taken, and checked again at each visit."""
    etag = f'"{hashlib.sha256(document).hexdigest()[:DIGITS]}"'
    answer = {"ETag": etag, "Vary": "Accept-Language, Accept-Encoding", **(headers or {})}
    if status == 200 and is_known(asked, etag):
        return Response(status_code=304, headers=answer)
    small = packed(document, 3) if accepts_gzip(asked) else None
    if small is not None:
        # A tag names what is sent, byte for byte; a weak one may stand for both forms.
        answer |= {"Content-Encoding": "gzip", "ETag": f"W/{etag}"}
    return Response(document if small is None else small, status, answer, "text/html")
