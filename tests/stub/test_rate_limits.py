"""Rate limits of endpoints: who is limited, by what, until when."""

from typing import Any

import pytest

from bandplan.stub.state.refusals import Forbidden, Invalid, TooManyRequests
from bandplan.stub.state.serving.rate_limits import Caller, RateLimiter, of_settings, read
from tests.stub.stub_client import ENDPOINTS, StubClient, bands

ME = Caller("me@example.com", frozenset({"users"}))


def limit(**fields: Any) -> dict[str, Any]:
    return {"renewal_period": "minute", **fields}


class Minute:
    """A limiter on a clock that the test moves."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.limiter = RateLimiter(lambda: self.now_ms)

    def ask(self, *rows: dict[str, Any]) -> None:
        self.limiter.admit("endpoint", read(rows, "rate_limits"), ME)


def test_calls_are_counted_in_a_minute_that_begins_with_the_first() -> None:
    minute = Minute()
    minute.ask(limit(calls=2))
    minute.now_ms = 20_500
    minute.ask(limit(calls=2))
    with pytest.raises(TooManyRequests) as refused:
        minute.ask(limit(calls=2))
    assert refused.value.retry_after_seconds == 40  # 39.5 s are left
    minute.now_ms = 59_999
    with pytest.raises(TooManyRequests) as refused:
        minute.ask(limit(calls=2))
    assert refused.value.retry_after_seconds == 1
    minute.now_ms = 60_000
    minute.ask(limit(calls=2))


def test_tokens_of_answers_use_up_a_minute() -> None:
    minute = Minute()
    minute.ask(limit(tokens=10))
    minute.limiter.spend("endpoint", 9)
    minute.ask(limit(tokens=10))
    minute.limiter.spend("endpoint", 1)
    with pytest.raises(TooManyRequests, match="10 tokens per minute"):
        minute.ask(limit(tokens=10))


@pytest.mark.parametrize("row", [limit(calls=0), limit(tokens=0), limit(), limit(calls=5, tokens=0)])
def test_limit_of_0_forbids(row: dict[str, Any]) -> None:
    with pytest.raises(Forbidden):
        Minute().ask(row)


@pytest.mark.parametrize(
    ("rows", "holds"),
    [
        ([limit(calls=0)], True),
        ([limit(calls=0, key="user")], True),
        ([limit(calls=0, key="user", principal="me@example.com")], True),
        ([limit(calls=0, key="user", principal="you@example.com")], False),
        ([limit(calls=0, key="user"), limit(calls=9, key="user", principal="me@example.com")], False),
        ([limit(calls=0, key="user_group", principal="users")], True),
        ([limit(calls=0, key="user_group", principal="others")], False),
        ([limit(calls=0, key="service_principal", principal="app")], False),
        ([limit(calls=9), limit(calls=0, key="user")], True),
    ],
)
def test_limit_holds_for_whom_it_names(rows: list[dict[str, Any]], holds: bool) -> None:
    if holds:
        with pytest.raises(Forbidden):
            Minute().ask(*rows)
    else:
        Minute().ask(*rows)


def test_limits_of_gateway_and_endpoint_both_hold() -> None:
    settings = {"ai_gateway": {"rate_limits": [limit(calls=1)]}, "rate_limits": [limit(calls=2, key="user")]}
    assert [found.calls for found in of_settings(settings)] == [1, 2]
    assert of_settings({}) == ()
    assert of_settings({"ai_gateway": {"usage_tracking_config": {}}}) == ()


@pytest.mark.parametrize(
    ("row", "finding"),
    [
        ({"calls": 1}, "renewal_period: must be minute"),
        (limit(renewal_period="hour"), "renewal_period: must be minute"),
        (limit(calls=-1), "calls: must be an integer"),
        (limit(calls="x"), "calls: must be an integer"),
        (limit(tokens=True), "tokens: must be an integer"),
        (limit(calls=1, key="planet"), "key: must be one of"),
        (limit(calls=1, key="user_group"), "principal: is required"),
        (limit(calls=1, key="user_group", principal=["users"]), "principal: must be a string"),
    ],
)
def test_limit_that_cannot_be_is_refused_wherever_it_is_set(
    client: StubClient, name: str, row: dict[str, Any], finding: str
) -> None:
    with pytest.raises(Invalid, match=finding):
        read([row], "rate_limits")
    config = {"served_entities": [bands()]}
    bodies = {"ai_gateway": {"rate_limits": [row]}}, {"rate_limits": [row]}
    for body in bodies:
        assert client.send("POST", ENDPOINTS, {"name": name, "config": config, **body}).status == 400
    client.create(name)
    for path in ("ai-gateway", "rate-limits"):
        reply = client.send("PUT", f"{ENDPOINTS}/{name}/{path}", {"rate_limits": [row]})
        assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
        assert finding in reply.message


def test_old_limits_know_users_and_endpoints_only(client: StubClient, name: str) -> None:
    client.create(name)
    row = limit(calls=1, key="user_group", principal="users")
    assert client.send("PUT", f"{ENDPOINTS}/{name}/rate-limits", {"rate_limits": [row]}).status == 400


def test_old_limit_is_enforced_and_gone_when_it_is_taken_away(client: StubClient, name: str) -> None:
    client.create(name)
    ask = ("POST", f"/serving-endpoints/{name}/invocations", {"messages": [{"role": "user", "content": "x"}]})
    client.ok("PUT", f"{ENDPOINTS}/{name}/rate-limits", {"rate_limits": [limit(calls=1, key="endpoint")]})
    assert client.send(*ask).status == 200
    reply = client.send(*ask)
    assert (reply.status, reply.error_code) == (429, "REQUEST_LIMIT_EXCEEDED")
    assert 1 <= int(reply.headers["retry-after"]) <= 60
    client.ok("PUT", f"{ENDPOINTS}/{name}/rate-limits", {"rate_limits": []})
    assert client.send(*ask).status == 200


def test_tokens_of_a_stream_count_too(client: StubClient, name: str) -> None:
    client.create(name, ai_gateway={"rate_limits": [limit(tokens=1)]})
    body = {"messages": [{"role": "user", "content": "x"}], "stream": True}
    path = f"/serving-endpoints/{name}/invocations"
    assert client.send("POST", path, body).status == 200
    assert client.send("POST", path, body).status == 429


GATEWAYS = {
    "table_without_a_schema": ({"inference_table_config": {"enabled": True, "catalog_name": "ml"}}, "schema_name"),
    "flag_that_is_text": ({"usage_tracking_config": {"enabled": "yes"}}, "must be true or false"),
    "pii_that_is_not_known": ({"guardrails": {"input": {"pii": {"behavior": "HIDE"}}}}, "NONE, BLOCK, MASK"),
    "limits_that_are_no_list": ({"rate_limits": {}}, "must be a list of objects"),
}


@pytest.mark.parametrize(("users", "groups", "status"), [(15, 5, 200), (16, 5, 400), (0, 6, 400)])
def test_endpoint_has_at_most_20_limits_5_of_them_for_groups(
    client: StubClient, name: str, users: int, groups: int, status: int
) -> None:
    client.create(name)
    whom = [("user", f"u{n}@example.com") for n in range(users)] + [("user_group", f"g{n}") for n in range(groups)]
    rows = [{"key": key, "principal": who, "calls": 1, "renewal_period": "minute"} for key, who in whom]
    assert client.send("PUT", f"{ENDPOINTS}/{name}/ai-gateway", {"rate_limits": rows}).status == status


@pytest.mark.parametrize(("gateway", "finding"), GATEWAYS.values(), ids=GATEWAYS.keys())
def test_gateway_that_cannot_be_is_refused(
    client: StubClient, name: str, gateway: dict[str, Any], finding: str
) -> None:
    client.create(name)
    reply = client.send("PUT", f"{ENDPOINTS}/{name}/ai-gateway", gateway)
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert finding in reply.message
