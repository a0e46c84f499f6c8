"""Network addresses of visitors: which one a request came from, what counts as one, and a name for it that fades.

Only what trusted proxies wrote into X-Forwarded-For is believed: each adds the address that spoke to it at the end, so
with N of them the visitor is the Nth from the end, and whatever stands before it was written by the visitor. Knows no
Django; keeps nothing.
"""

import hashlib
import hmac
from ipaddress import IPv4Address, IPv6Address, ip_address

UNKNOWN = "unknown"
OF_IPV6 = 64  # bits that one customer of a provider has for itself, at the least


def block_of(peer: str, forwarded: str, proxies: int) -> str:
    """What counts as one address: an IPv4 address, or the /64 of an IPv6 address; UNKNOWN for what is none.

    `peer`: who opened the connection. `forwarded`: the X-Forwarded-For lines, joined by commas. `proxies`: how many
    trusted ones stand in front. Where they wrote fewer lines than there are proxies, or nonsense, the peer counts.
    """
    said = [part.strip() for part in forwarded.split(",")] if proxies and forwarded else []
    claimed = _read(said[-proxies]) if len(said) >= proxies > 0 else None
    return _block(claimed or _read(peer))


def name_of(block: str, secret: str) -> str:
    """A name for `block` by which it can be counted, and found again only with the secret: 32 hex digits."""
    return hmac.new(secret.encode(), f"address:{block}".encode(), hashlib.sha256).hexdigest()[:32]


def _block(address: IPv4Address | IPv6Address | None) -> str:
    if address is None:
        return UNKNOWN
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        high = int(address) >> (128 - OF_IPV6) << (128 - OF_IPV6)
        return f"{IPv6Address(high)}/{OF_IPV6}"
    return str(address)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """192.0.2.1, 192.0.2.1:4711, 2001:db8::1, [2001:db8::1] and [2001:db8::1]:4711; None for anything else."""
    if len(text) > 80:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None
