"""Where a URL may point."""

import asyncio
import ipaddress

import aiohttp
import pytest
import yarl
from hypothesis import example, given
from hypothesis import strategies as st

from esteio.engine.commands.servers import base_url
from esteio.engine.errors import CommandError
from esteio.engine.url_guard import check_target, host_of


async def names(host: str) -> list[str]:
    known = {"public.example": ["93.184.216.34"], "mixed.example": ["93.184.216.34", "10.0.0.1"], "empty.example": []}
    if host not in known:
        raise OSError("no such host")
    return known[host]


def may(url: str, *allowed: str) -> bool | str:
    networks = [ipaddress.ip_network(one) for one in allowed]
    try:
        asyncio.run(check_target(url, "url", networks, names))
    except CommandError as error:
        return error.code
    return True


@pytest.mark.parametrize(
    "url",
    [
        "https://public.example/a.png",
        "http://PUBLIC.example.:8080/?q",
        "http://8.8.8.8/",
        "http://[2001:4860:4860::8888]/",
        "http://[::ffff:8.8.8.8]/",
    ],
)
def test_the_public_net_may_be_pointed_to(url: str) -> None:
    url = url.replace("PUBLIC.example.", "public.example")
    assert may(url) is True


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://172.16.9.9/",
        "http://192.168.1.1/",
        "http://169.254.169.254/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "http://[::]/",
        "http://[::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fd00::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[::127.0.0.1]/",
        "http://[::93.184.216.34]/",
        "http://[2002:5db8:d822::1]/",
        "http://[64:ff9b:1::5db8:d822]/",
        "http://[fec0::1]/",
        "http://[2001:2::1]/",
        "http://192.0.0.9/",
        "http://mixed.example/",
        "http://empty.example/",
        "http://nowhere.example/",
        "http://1.2.3.4.5/",
    ],
)
def test_inside_may_not(url: str) -> None:
    assert may(url) == "target-not-allowed"


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "ftp://public.example/", "http:///a", "http://public.example:0/", "http://a b/", "http://[::1/",
        "http://public.example:65536/", "http://public.example:-1/", "http://public.example:port/",
        "http://public.example:80:80/", "http://ana@/x", "http://ana:senha@:80/", "http://?x", "http://#x",
        "http://public..example/", "http://.public.example/", "http://public.example../",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a.b" * 90 + "/", "http://pub,lic.example/", "http://pub%20lic.example/", "http://[1.2.3.4]/",
        "http://[zz::1]/", "http://public.example/\x00", "http://public.example/a\tb", "http://public.example/\ud83d",
        "http://a%3Ab@public.example/", "http://an%C4%83@public.example/", "http://public.example\\@evil.example/",
        "http://public.example/\x7f",
    ],
)  # fmt: skip
def test_what_is_no_url_that_can_be_called(url: str) -> None:
    assert may(url) == "invalid-value"
    with pytest.raises(CommandError) as caught:
        base_url(url)
    assert caught.value.code == "invalid-value"


@given(st.from_regex(r"https?://[^/?#]{0,12}(:[0-9]{0,6})?(/.{0,6})?", fullmatch=True))
@example("http://\U000e0080/x")
@example("http://a\ufe00b.example/x")
def test_what_passes_can_be_put_into_a_request(url: str) -> None:
    try:
        host_of(url, "url")
    except CommandError:
        return
    written = aiohttp.ClientRequest("GET", yarl.URL(url), loop=asyncio.new_event_loop())
    assert written.host
    written.loop.close()


def test_inside_may_where_it_is_allowed() -> None:
    assert may("http://10.1.2.3/", "10.0.0.0/8") is True
    assert may("http://[::ffff:10.1.2.3]/", "10.0.0.0/8") is True
    assert may("http://mixed.example/", "10.0.0.0/8") is True
    assert may("http://192.168.0.1/", "10.0.0.0/8") == "target-not-allowed"
    assert may("http://[fd00::1]/", "fd00::/8") is True
