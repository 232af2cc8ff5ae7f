"""What every request passes: middleware, keys, rate limits, traces, the reader of bodies, entity tags, error answers.

Knows no call, no search and no store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import lazy_exports

if TYPE_CHECKING:
    from app.http.absolute import absolute_root as absolute_root
    from app.http.answers import accepts_gzip as accepts_gzip
    from app.http.answers import json_answer as json_answer
    from app.http.answers import list_response as list_response
    from app.http.answers import packed as packed
    from app.http.connection import while_connected as while_connected
    from app.http.connections import Connections as Connections
    from app.http.connections import possible_connections as possible_connections
    from app.http.decoders import Decoders as Decoders
    from app.http.etags import ETAG as ETAG
    from app.http.etags import IF_MATCH as IF_MATCH
    from app.http.etags import IF_NONE_MATCH as IF_NONE_MATCH
    from app.http.etags import conditions as conditions
    from app.http.etags import is_known as is_known
    from app.http.forwarded import Proxies as Proxies
    from app.http.frequent import FrequentCall as FrequentCall
    from app.http.frequent import FrequentCalls as FrequentCalls
    from app.http.headers import DOCS_POLICY as DOCS_POLICY
    from app.http.headers import FOREVER as FOREVER
    from app.http.headers import STUDIO_POLICY as STUDIO_POLICY
    from app.http.headers import framed_policy as framed_policy
    from app.http.hosts import Hosts as Hosts
    from app.http.key_file import SCOPES as SCOPES
    from app.http.key_file import Key as Key
    from app.http.key_file import ScopeName as ScopeName
    from app.http.key_file import create_key as create_key
    from app.http.key_file import read_keys as read_keys
    from app.http.key_file import revoke_key as revoke_key
    from app.http.keys import KeyRing as KeyRing
    from app.http.keys import require as require
    from app.http.limits import BodyLimits as BodyLimits
    from app.http.lines import Line as Line
    from app.http.metadata import without_metadata as without_metadata
    from app.http.middleware import RequestScope as RequestScope
    from app.http.origins import Origins as Origins
    from app.http.parameters import no_slip as no_slip
    from app.http.people import Trouble as Trouble
    from app.http.people import root_from as root_from
    from app.http.picture_forms import SHOWN as SHOWN
    from app.http.picture_forms import Accepted as Accepted
    from app.http.picture_forms import Form as Form
    from app.http.picture_forms import accepted as accepted
    from app.http.picture_forms import width_of as width_of
    from app.http.pictures import UploadedPicture as UploadedPicture
    from app.http.pictures import media_type as media_type
    from app.http.protocol import LIFESPAN_STATE as LIFESPAN_STATE
    from app.http.protocol import BoundedProtocol as BoundedProtocol
    from app.http.publishable import PageKeys as PageKeys
    from app.http.rate import RateLimit as RateLimit
    from app.http.rate import address_group as address_group
    from app.http.reader import Uploads as Uploads
    from app.http.responses import add_error_handlers as add_error_handlers
    from app.http.responses import error_entry as error_entry
    from app.http.responses import error_response as error_response
    from app.http.trace import trace_of as trace_of
    from app.http.turns import Turns as Turns

__getattr__ = lazy_exports(
    __name__,
    {
        "app.http.absolute": "absolute_root",
        "app.http.answers": "accepts_gzip json_answer list_response packed",
        "app.http.connection": "while_connected",
        "app.http.connections": "Connections possible_connections",
        "app.http.decoders": "Decoders",
        "app.http.etags": "ETAG IF_MATCH IF_NONE_MATCH conditions is_known",
        "app.http.forwarded": "Proxies",
        "app.http.frequent": "FrequentCall FrequentCalls",
        "app.http.headers": "DOCS_POLICY FOREVER STUDIO_POLICY framed_policy",
        "app.http.hosts": "Hosts",
        "app.http.key_file": "Key SCOPES ScopeName create_key read_keys revoke_key",
        "app.http.keys": "KeyRing require",
        "app.http.limits": "BodyLimits",
        "app.http.lines": "Line",
        "app.http.middleware": "RequestScope",
        "app.http.metadata": "without_metadata",
        "app.http.people": "Trouble root_from",
        "app.http.picture_forms": "Accepted Form SHOWN accepted width_of",
        "app.http.origins": "Origins",
        "app.http.parameters": "no_slip",
        "app.http.pictures": "UploadedPicture media_type",
        "app.http.protocol": "BoundedProtocol LIFESPAN_STATE",
        "app.http.publishable": "PageKeys",
        "app.http.rate": "RateLimit address_group",
        "app.http.reader": "Uploads",
        "app.http.responses": "add_error_handlers error_entry error_response",
        "app.http.trace": "trace_of",
        "app.http.turns": "Turns",
    },
)
