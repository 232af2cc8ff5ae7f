"""What every request passes: errors, middleware, keys, rate limits, traces and the reader of bodies.

Knows no endpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from app.http.errors import REPLACED as REPLACED
    from app.http.errors import DeadlineError as DeadlineError
    from app.http.errors import InvalidError as InvalidError
    from app.http.errors import MalformedError as MalformedError
    from app.http.errors import ReloadError as ReloadError
    from app.http.errors import UnavailableError as UnavailableError
    from app.http.errors import UnknownModelError as UnknownModelError
    from app.http.errors import add_error_handlers as add_error_handlers
    from app.http.errors import error_entry as error_entry
    from app.http.errors import error_response as error_response
    from app.http.errors import invalid as invalid
    from app.http.keys import SCOPES as SCOPES
    from app.http.keys import KeyRing as KeyRing
    from app.http.keys import create_key as create_key
    from app.http.keys import read_keys as read_keys
    from app.http.keys import require as require
    from app.http.keys import revoke_key as revoke_key
    from app.http.middleware import DOCS_POLICY as DOCS_POLICY
    from app.http.middleware import RequestScope as RequestScope
    from app.http.rate import RateLimit as RateLimit
    from app.http.rate import parse_rate as parse_rate
    from app.http.reader import Line as Line
    from app.http.reader import UploadedPicture as UploadedPicture
    from app.http.reader import Uploads as Uploads

__getattr__ = lazy_exports(
    __name__,
    {
        "app.http.errors": (
            "DeadlineError InvalidError MalformedError REPLACED ReloadError UnavailableError UnknownModelError "
            "add_error_handlers error_entry error_response invalid"
        ),
        "app.http.keys": "KeyRing SCOPES create_key read_keys require revoke_key",
        "app.http.middleware": "DOCS_POLICY RequestScope",
        "app.http.rate": "RateLimit parse_rate",
        "app.http.reader": "Line UploadedPicture Uploads",
    },
)
