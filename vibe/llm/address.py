"""Whom a name leads to: looked up once, judged, and then called at just that address.

A name that is judged and looked up again for the call may lead elsewhere the second time (DNS rebinding): to where a
cloud keeps its secrets. The name stays in the Host header and is what the certificate must be for. Where a proxy of the
environment does the calling it looks the name up, and this cannot hold.
"""

import asyncio
import ipaddress
import socket
import urllib.request
from collections.abc import Iterable, Iterator

import httpx2

from vibe.llm.errors import ModelFault

# Where clouds keep secrets outside the link-local range.
_NOBODYS = (ipaddress.ip_network("100.64.0.0/10"), ipaddress.ip_network("fd00:ec2::254/128"))
MOST = 4  # addresses of one name that are tried

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def plain(text: str) -> Address:
    """The address of a line of getaddrinfo, without its scope; one of IPv4 that is written as one of IPv6 as itself."""
    address = ipaddress.ip_address(text.split("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def is_nobodys(address: Address) -> bool:
    """Whether no machine of anyone's has it: link-local, where clouds keep their secrets, and the like."""
    if address.is_loopback:  # first: the library counts ::1 as reserved
        return False
    if any(address in net for net in _NOBODYS if net.version == address.version):
        return True
    return address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved


def by_proxy() -> bool:
    """Whether the environment names a proxy that would do the calling."""
    return bool(urllib.request.getproxies().keys() & {"http", "https", "all"})


def _may_be_called(found: Iterable[tuple[object, ...]]) -> list[str]:
    """The addresses of getaddrinfo's lines, those of IPv4 first. Raises ModelFault when one of them is nobody's."""
    texts = list(dict.fromkeys(str(line[4][0]) for line in found))  # type: ignore[index]
    if any(is_nobodys(plain(text)) for text in texts):
        raise ModelFault("no_server", "its name leads to an address that is no model server's")
    return sorted(texts, key=lambda text: ":" in text)[:MOST]


def _at(request: httpx2.Request, addresses: Iterable[str]) -> Iterator[httpx2.Request]:
    """`request` for each of the addresses, under its own name."""
    url, name = request.url, request.url.host
    for address in addresses:
        request.url = url.copy_with(host=address)
        request.extensions = {**request.extensions, "sni_hostname": name}
        yield request
    request.url = url


class Pinned(httpx2.AsyncHTTPTransport):
    """Calls each name at an address that was judged. Raises ModelFault for one that may not be called."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                request.url.host, request.url.port, type=socket.SOCK_STREAM
            )
        except OSError as problem:
            raise httpx2.ConnectError(str(problem), request=request) from problem
        trouble: Exception | None = None
        for one in _at(request, _may_be_called(found)):
            try:
                return await super().handle_async_request(one)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as problem:
                trouble = problem
        raise trouble or httpx2.ConnectError("its name leads nowhere", request=request)


class PinnedPlain(httpx2.HTTPTransport):
    """The same for a call without a loop."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            found = socket.getaddrinfo(request.url.host, request.url.port, type=socket.SOCK_STREAM)
        except OSError as problem:
            raise httpx2.ConnectError(str(problem), request=request) from problem
        trouble: Exception | None = None
        for one in _at(request, _may_be_called(found)):
            try:
                return super().handle_request(one)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as problem:
                trouble = problem
        raise trouble or httpx2.ConnectError("its name leads nowhere", request=request)
