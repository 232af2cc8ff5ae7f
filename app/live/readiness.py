"""Whether the service is ready: a query goes the whole way, as a caller's would, and catalogue and index are one."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from app.errors import DeadlineError, UnavailableError
from app.live.serving import CANARY, ServingState
from app.live.shared import Shared
from app.query import Job, Service
from app.settings import Settings
from common import OverloadedError
from index import Location, SearchQuery, open_catalogue

logger = logging.getLogger("vitrine.app")


FRESH_S = 1.0
"""How old an answer may be, in seconds: it costs an encoding, and anybody may ask."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What answered, and how long it took."""

    encoder_id: str
    catalogue_version: int
    products: int
    device: str
    took_ms: float


def shared_readiness(service: Service, state: ServingState, settings: Settings) -> Shared[Readiness]:
    """Return the answer that all share who ask within a second of the same artefacts, a refusal too.

    Raises:
        UnavailableError: as `check_ready`.
    """
    return Shared(lambda: check_ready(service, state, settings), FRESH_S, lambda: state.state()[0])


async def check_ready(service: Service, state: ServingState, settings: Settings) -> Readiness:
    """Send a query through queue, encoder and search, and read the catalogue.

    Raises:
        UnavailableError: says why, when no good answer comes back.
    """
    start = time.perf_counter()
    limit = settings.ready_timeout_s
    try:
        # Never from the cache: the encoder is what is to be seen at work.
        job = Job((CANARY,), query=SearchQuery(k=1), cached=False)
        result = await service.batcher.submit(job, deadline_s=limit)
        await state.catch_up(limit)
        async with asyncio.timeout(limit):
            await asyncio.to_thread(_check_catalogue, state, settings.catalogue)
    except TimeoutError:
        raise UnavailableError(f"not ready: the catalogue did not answer within {limit:g} s") from None
    except (OverloadedError, DeadlineError, UnavailableError) as error:
        raise UnavailableError(f"not ready: {error}") from error
    except Exception as error:
        # The reason may name folders, so it stays in the log.
        logger.exception("not ready")
        raise UnavailableError("not ready: encoding, searching or reading fails; the log has the reason") from error
    encoder, index = result.serving.encoder, result.serving.index
    if len(index) and not (result.page and result.page.hits):
        raise UnavailableError("not ready: a search for anything finds nothing")
    took_ms = round(1000 * (time.perf_counter() - start), 2)
    return Readiness(encoder.encoder_id, index.version, len(index), encoder.device, took_ms)


def _check_catalogue(state: ServingState, place: Location) -> None:
    """Read the catalogue that is being served, and see that the one in place can be: it may be another by now.

    Raises:
        UnavailableError: it was made by another encoder.
        ArtefactError: it is missing or damaged.
        DatabaseUnavailableError: the log of what was written last is gone.
    """
    state.catalogue.tend()
    state.catalogue.version()
    ours = state.serving.encoder.encoder_id
    with open_catalogue(place) as there:
        if there.info.encoder_id != ours:
            raise UnavailableError(
                f"the catalogue in place was made by encoder {there.info.encoder_id}, the service runs {ours}"
            )
