"""What holds for every REST API alike: proxies, retries, bounded answers."""

from collections.abc import Iterator

import pytest

from bandplan.rest.address import Address, proxy_of
from bandplan.rest.connections import AttemptFailed, Connections, Timeouts
from bandplan.rest.exchange import exchange
from bandplan.rest.retries import Outcome
from tests.answering import JsonHandler, answering
from tests.workspace.fake_workspace import FakeTime

PROXY = "http://proxy.example:3128"
FAR = Address("https", "api.example.com", 443)


@pytest.mark.parametrize(
    ("excluded", "is_proxied"),
    [
        ("", True),
        ("api.example.com", False),
        ("API.example.com", False),
        (".example.com", False),
        ("example.com", False),
        ("other.example", True),
        ("pi.example.com", True),
        ("*", False),
        ("other.example, example.com", False),
        ("example.com:443", False),
        ("example.com:8443", True),
        (",", True),
    ],
)
def test_no_proxy_names_hosts_with_all_below_them(excluded: str, is_proxied: bool) -> None:
    environ = {"HTTPS_PROXY": PROXY, "NO_PROXY": excluded}
    assert proxy_of(FAR, environ) == (PROXY if is_proxied else None)


def test_this_machine_is_never_reached_through_a_proxy() -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        assert proxy_of(Address("http", host, 80), {"https_proxy": PROXY, "HTTPS_PROXY": PROXY}) is None


def test_lower_case_comes_first() -> None:
    assert proxy_of(FAR, {"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}) == PROXY
    assert proxy_of(FAR, {"HTTPS_PROXY": PROXY, "no_proxy": "x.example", "NO_PROXY": "*"}) == PROXY


def test_attempts_end_with_the_first_result_that_is_not_waited_for() -> None:
    time, results = FakeTime(), iter([AttemptFailed(Outcome.LOST, "no answer"), 503, 200])

    def send() -> int:
        result = next(results)
        if isinstance(result, AttemptFailed):
            raise result
        return result

    done = exchange(send, lambda result, attempts, seconds: None if result == 200 else float(attempts), time.clock)
    assert (done.result, done.attempts, done.seconds) == (200, 3, 3.0)
    assert time.slept == [1.0, 2.0]
    assert done.tried == "tried 3 times in 3 s"


@pytest.fixture
def address() -> Iterator[Address]:
    class Handler(JsonHandler):
        def do_GET(self) -> None:
            self.reply(200, {"value": "x" * 1000})

    with answering(Handler) as url:
        yield Address("http", "127.0.0.1", int(url.rsplit(":", 1)[1]))


def test_an_answer_that_is_too_large_is_not_read_to_its_end(address: Address) -> None:
    connections = Connections(address, None)
    assert connections.send("GET", "/", {}, None, Timeouts(60, 60), most_bytes=2_000).status == 200
    with pytest.raises(AttemptFailed, match="an answer of more than 500 bytes") as failed:
        connections.send("GET", "/", {}, None, Timeouts(60, 60), most_bytes=500)
    assert failed.value.is_final
