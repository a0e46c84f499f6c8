"""Whose address counts: the peer's, or what trusted proxies wrote; what a visitor writes is nothing."""

import pytest

from vibe.addresses import block_of, name_of

PEER = "203.0.113.9"


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "block"),
    [
        # no proxy: the header is the visitor's own writing
        (PEER, "", 0, PEER),
        (PEER, "192.0.2.1", 0, PEER),
        (PEER, "192.0.2.1, 192.0.2.2", 0, PEER),
        # one proxy: its entry is the last
        ("10.0.0.1", "192.0.2.1", 1, "192.0.2.1"),
        ("10.0.0.1", "8.8.8.8, 192.0.2.1", 1, "192.0.2.1"),
        ("10.0.0.1", "8.8.8.8,9.9.9.9,,192.0.2.1", 1, "192.0.2.1"),
        # two: the visitor is the second from the end
        ("10.0.0.1", "192.0.2.1, 10.0.0.2", 2, "192.0.2.1"),
        ("10.0.0.1", "8.8.8.8, 192.0.2.1, 10.0.0.2", 2, "192.0.2.1"),
        # fewer entries than proxies, nonsense, or nothing: the peer counts
        ("10.0.0.1", "192.0.2.1", 2, "10.0.0.1"),
        ("10.0.0.1", "", 1, "10.0.0.1"),
        ("10.0.0.1", "unknown", 1, "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1, _hidden", 1, "10.0.0.1"),
        ("10.0.0.1", "9" * 5000, 1, "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1;DROP", 1, "10.0.0.1"),
        # with ports, brackets and zones
        ("10.0.0.1", "192.0.2.1:4711", 1, "192.0.2.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", 1, "2001:db8::/64"),
        ("10.0.0.1", "2001:db8::1", 1, "2001:db8::/64"),
        ("fe80::1%eth0", "", 0, "fe80::/64"),
        # one customer of a provider is one
        ("2001:db8:1:2:3:4:5:6", "", 0, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "", 0, "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "", 0, "2001:db8:1:3::/64"),
        # IPv4 in IPv6's clothes
        ("::ffff:192.0.2.1", "", 0, "192.0.2.1"),
        # a socket that has no address
        ("", "", 0, "unknown"),
        ("", "192.0.2.1", 1, "192.0.2.1"),
    ],
)
def test_the_address_that_counts(peer, forwarded, proxies, block):
    assert block_of(peer, forwarded, proxies) == block


def test_a_name_tells_an_address_only_to_who_has_the_secret_of_the_day():
    name = name_of(PEER, "monday")
    assert name == name_of(PEER, "monday")
    assert len({name, name_of(PEER, "tuesday"), name_of("203.0.113.8", "monday")}) == 3
    assert PEER not in name
    assert len(name) == 32
