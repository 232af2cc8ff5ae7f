"""From a function that builds a call to a method that makes it, with the same name, arguments and docstring."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

M = TypeVar("M", bound=Callable[..., Any])

SELF = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)


def as_method(method: M, build: Callable[..., Any]) -> M:
    """Give a method the name, the docstring and the arguments of what builds its call, and return it."""
    signature = inspect.signature(build)
    method.__name__ = build.__name__
    method.__qualname__ = build.__name__
    method.__doc__ = build.__doc__
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[SELF, *signature.parameters.values()], return_annotation=inspect.Signature.empty
    )
    return method
