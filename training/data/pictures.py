"""What a picture of a data set is before it is decoded, and the names that picture files have.

Lists no folder and decodes nothing.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable
from typing import NamedTuple

from common import DataError
from models import KINDS
from training.data.dataset import MAX_IMAGE_BYTES
from training.data.encodings import UNREADABLE, decode

PICTURE_SUFFIXES = frozenset(suffix for kind in KINDS for suffix in kind.suffixes)
"""How the names of picture files end that are read, in lower case."""


class Picture(NamedTuple):
    """How to read a picture, and a stamp that changes with its content."""

    read: Callable[[], bytes]
    stamp: str


def is_picture(name: str) -> bool:
    """Return whether the name has the suffix of a picture."""
    return posixpath.splitext(name)[1].lower() in PICTURE_SUFFIXES


def readable(file: str) -> str:
    """Return the path of a file as text: one that is not UTF-8 is read in the encoding that its bytes look like."""
    try:
        file.encode()
    except UnicodeEncodeError:
        return decode(os.fsencode(file)).text.replace(UNREADABLE, "?")
    return file


def read_picture(path: str) -> bytes:
    """Return the bytes of a picture's file.

    Raises:
        DataError: it has grown beyond the bound.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read(MAX_IMAGE_BYTES + 1)
    if len(data) > MAX_IMAGE_BYTES:
        raise DataError(f"{path} has grown beyond {MAX_IMAGE_BYTES:,} bytes; store the picture smaller")
    return data
