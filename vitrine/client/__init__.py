"""The client of a running service, over HTTP: typed answers, retries, pages, errors as exceptions.

Knows neither the service's code nor a catalogue. `vitrine.client.answers` are the shapes of what comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from vitrine.client.asynchronous import AsyncClient as AsyncClient
    from vitrine.client.blocking import Client as Client
    from vitrine.client.errors import AccessError as AccessError
    from vitrine.client.errors import BusyError as BusyError
    from vitrine.client.errors import ChangedError as ChangedError
    from vitrine.client.errors import MissingError as MissingError
    from vitrine.client.errors import RefusedError as RefusedError
    from vitrine.client.errors import ServiceError as ServiceError
    from vitrine.client.errors import TooLargeError as TooLargeError
    from vitrine.client.errors import UnreachableError as UnreachableError
    from vitrine.client.tries import key_of_file as key_of_file

__getattr__ = lazy_exports(
    __name__,
    {
        "vitrine.client.asynchronous": "AsyncClient",
        "vitrine.client.blocking": "Client",
        "vitrine.client.errors": "AccessError BusyError ChangedError MissingError RefusedError ServiceError "
        "TooLargeError UnreachableError",
        "vitrine.client.tries": "key_of_file",
    },
)
