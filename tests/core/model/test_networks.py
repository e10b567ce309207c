"""Which addresses are public, whatever Python's own tables say."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.core.model.networks import Address, inner_address, is_public, may_reach


@pytest.mark.parametrize(
    "address",
    [
        "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.31.0.1", "192.0.0.8", "192.0.0.9",
        "192.0.0.170", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.175.48.1",
        "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::7f00:1", "::5db8:d822", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "::ffff:0:5db8:d822",
        "64:ff9b::7f00:1", "64:ff9b:1::5db8:d822", "64:ff9b:1:7f00:0:100::", "100::1", "100:0:0:1::1", "2001::1",
        "2001:0:5db8:d822::1", "2001:1::1", "2001:2::1", "2001:3::1", "2001:10::1", "2001:20::1", "2001:db8::1",
        "2002:7f00:1::", "2002:5db8:d822::1", "2620:4f:8000::1", "3fff::1", "4000::1", "5f00::1", "fc00::1",
        "fd00::1", "fe80::1", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_what_is_special_is_refused(address: str) -> None:
    assert not may_reach(ipaddress.ip_address(address), ())


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"],
)
def test_what_is_public_is_reached(address: str) -> None:
    assert may_reach(ipaddress.ip_address(address), ())


@pytest.mark.parametrize(
    ("address", "inner"),
    [
        ("10.1.2.3", None),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::10.1.2.3", "10.1.2.3"),
        ("::ffff:0:10.1.2.3", "10.1.2.3"),
        ("64:ff9b::10.1.2.3", "10.1.2.3"),
        ("2002:a01:203::1", "10.1.2.3"),
        ("2606:2800::1", None),
    ],
)
def test_the_address_inside_and_what_a_person_allowed(address: str, inner: str | None) -> None:
    found = inner_address(ipaddress.ip_address(address))
    assert found == (None if inner is None else ipaddress.ip_address(inner))
    allowed = (ipaddress.ip_network("10.1.0.0/16"),)
    assert may_reach(ipaddress.ip_address(address), allowed) is (not address.startswith("10.2"))


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_nothing_that_the_library_calls_private_is_public(address: Address) -> None:
    assert not is_public(address) or address.is_global
    assert may_reach(address, (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")))
