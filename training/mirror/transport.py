"""Connections to checked addresses: a name is looked up, each address is judged, and one of those is connected to.

The name is not looked up a second time, so a name server cannot answer once for the check and otherwise for the
connection (DNS rebinding). TLS goes on to check the certificate against the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpcore
import httpx

from common import ConfigError
from training.mirror.addresses import RefusedError, is_public

KEPT_S = 15.0
"""How long a connection stays open for a next request, in seconds."""


async def public_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host, of which each is public.

    Raises:
        RefusedError: one of them is not.
        OSError: the name is not known.
        UnicodeError: it is no name at all.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not is_public(ipaddress.ip_address(address.partition("%")[0])):
            raise RefusedError(
                f"{host} is the address {address} in a private network; --allow-private asks it all the same"
            )
    return addresses


class _Backend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections to public addresses only."""

    def __init__(self) -> None:
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of `host` that answers.

        Raises:
            RefusedError: one of its addresses is not public.
        """
        try:
            async with asyncio.timeout(timeout):
                addresses = await public_addresses(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"the name {host} was not looked up in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} is not known ({error})") from error
        failed: Exception = httpcore.ConnectError(f"the name {host} has no address")
        for address in addresses:
            try:
                return await self._plain.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class CheckedTransport(httpx.AsyncBaseTransport):
    """Sends requests over connections to public addresses."""

    def __init__(self, connections: int) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=connections,
            keepalive_expiry=KEPT_S,
            network_backend=_Backend(),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; see httpx.AsyncBaseTransport."""
        url = request.url
        inner = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _translated():
            answer = await self._pool.handle_async_request(inner)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the errors of httpcore into those of httpx."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise httpx.ReadTimeout(str(error) or type(error).__name__) from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise httpx.NetworkError(str(error) or type(error).__name__) from error


class ProxyTransport(httpx.AsyncHTTPTransport):
    """Sends requests to a proxy, which looks names up by itself: one that means a private address here is refused."""

    def __init__(self, proxy: str, connections: int, allow_private: bool) -> None:
        super().__init__(proxy=proxy, limits=_limits(connections), trust_env=False)
        self._allow_private = allow_private

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; see httpx.AsyncBaseTransport."""
        if not self._allow_private:
            with suppress(OSError, UnicodeError):  # names of the public network may be known to the proxy alone
                await public_addresses(request.url.host, request.url.port or 0)
        return await super().handle_async_request(request)


def make_transport(allow_private: bool, proxy: str | None, connections: int) -> httpx.AsyncBaseTransport:
    """Return what sends the requests of a mirror; nothing in the environment changes where they go.

    Raises:
        ConfigError: the proxy's address cannot be used.
    """
    if proxy is not None:
        try:
            return ProxyTransport(proxy, connections, allow_private)
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise ConfigError(f"--proxy is {proxy!r}; give an address such as http://proxy.example:3128") from error
    if allow_private:
        return httpx.AsyncHTTPTransport(limits=_limits(connections), trust_env=False)
    return CheckedTransport(connections)


def _limits(connections: int) -> httpx.Limits:
    return httpx.Limits(max_connections=connections, keepalive_expiry=KEPT_S)
