"""The client over a real connection, with a server whose every byte is scripted."""

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter_ns
from typing import Any, TypeVar

import pytest

from bandplan.bench.client import Client
from bandplan.bench.connection import Connection
from bandplan.bench.preflight import TIMED_TOKENS, preflight
from bandplan.bench.problem import BenchProblem
from bandplan.bench.sample import Sample
from bandplan.bench.target import Secret
from tests.bench.scripted_server import serving, stream, text, usage, whole

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.001)


async def ask(client: Client) -> Sample:
    return await client.ask(Sample(1, perf_counter_ns(), 5, 2), "prompt")


def test_a_stream_is_stamped_counted_and_its_connection_kept() -> None:
    async def work() -> None:
        async with serving(stream(text("a"), text("b"), usage(5, 2))) as (script, target):
            client = Client(target)
            for _ in range(3):
                sample = await ask(client)
                assert (sample.outcome, sample.status, len(sample.content)) == ("completed", 200, 2)
                assert (sample.input_tokens, sample.output_tokens) == (5, 2)
                assert sample.scheduled <= sample.sent <= sample.content[0] <= sample.content[1] <= (sample.ended or 0)
            client.close()
            assert script.connections == 1
            assert script.requests[0] == {
                "messages": [{"role": "user", "content": "prompt"}],
                "max_tokens": 2,
                "min_tokens": 2,
                "ignore_eos": True,
                "stream": True,
                "stream_options": {"include_usage": True},
            }

    run(work())


def test_a_connection_that_is_not_made_in_time_is_not_a_late_answer() -> None:
    class Unconnected(Client):
        async def _new_connection(self) -> Connection:
            raise TimeoutError

    async def work() -> None:
        async with serving() as (_, target):
            assert (await ask(Unconnected(target))).fault == "no connection within 10 s"

    run(work())


def test_as_many_connections_as_requests_at_once() -> None:
    async def work() -> None:
        async with serving(stream(text("a"), usage(5, 1))) as (script, target):
            client = Client(target)
            samples = await asyncio.gather(*(ask(client) for _ in range(150)))
            assert {one.outcome for one in samples} == {"completed"}
            assert script.connections == 150  # no limit of the client's own, as 100 in others
            client.close()

    run(work())


def test_connections_are_made_before_they_are_needed_and_spares_kept() -> None:
    async def work() -> None:
        async with serving(stream(text("a"), usage(5, 1))) as (script, target):
            client = Client(target)
            await client.open(20)
            await until(lambda: script.connections == 20)
            assert {one.outcome for one in await asyncio.gather(*(ask(client) for _ in range(20)))} == {"completed"}
            assert script.connections == 20
            await client.open(20, spare=20)
            await ask(client)
            await until(lambda: script.connections == 21)  # 19 were left
            client.close()

    run(work())


def test_a_connection_closed_before_its_first_request_is_no_failure() -> None:
    async def work() -> None:
        async with serving(stream(text("a"), usage(5, 1)), hangs_up=True) as (script, target):
            client = Client(target)
            await client.open(1)
            await until(lambda: script.connections == 1)
            script.hangs_up = False
            assert (await ask(client)).outcome == "completed"
            client.close()

    run(work())


def test_a_connection_closed_between_two_levels_is_replaced() -> None:
    async def work() -> None:
        async with serving(stream(text("a"), usage(5, 1)), hangs_up=True) as (script, target):
            client = Client(target)
            await client.open(3)
            await until(lambda: script.connections == 3)
            await until(lambda: not any(one.is_free for one in client._free))  # the client sees that they are closed
            script.hangs_up = False
            await client.open(3)
            await until(lambda: script.connections == 6)
            client.close()

    run(work())


def test_nobody_listens_to_connections_made_beforehand() -> None:
    async def work() -> None:
        async with serving(b"") as (_, target):
            pass
        client = Client(target)
        await client.open(3, spare=2)
        assert (await ask(client)).fault.startswith("no connection")
        client.close()

    run(work())


def test_a_renewed_token_is_sent_from_the_next_request_on() -> None:
    async def work() -> None:
        async with serving(stream(text("a"), usage(5, 1)), token="first") as (script, target):
            client = Client(target)
            await ask(client)
            client.renew(Secret("second"))
            await ask(client)
            client.close()
            assert ["first" in one for one in script.heads] == [True, False]
            assert "Authorization: Bearer second" in script.heads[1]

    run(work())


@pytest.mark.parametrize(
    ("answer", "outcome", "fault"),
    [
        (stream(text("a"), done=False), "failed", "the stream ended early, without [DONE]"),
        (stream(text("a"))[:-20] + b"CUT", "failed", "in the middle of the answer"),
        (b"nonsense", "failed", "not HTTP/1.1"),
        (whole(429, {}, "Retry-After: 1\r\n"), "refused", "answered 429"),
        (whole(503, {}, "Retry-After: 1\r\n"), "failed", "answered 503"),
        (whole(500, {}, "Connection: close\r\n"), "failed", "answered 500"),
    ],
)
def test_what_goes_wrong_is_in_the_sample(answer: bytes, outcome: str, fault: str) -> None:
    async def work() -> None:
        async with serving(answer) as (_, target):
            client = Client(target)
            sample = await ask(client)
            assert sample.outcome == outcome
            assert fault in sample.fault
            assert sample.retry_after == (b"Retry-After" in answer)
            client.close()

    run(work())


def test_a_connection_that_was_closed_while_idle_is_no_failure() -> None:
    async def work() -> None:
        # After each answer the server hangs up without having said so.
        async with serving(stream(text("a"), usage(5, 1)), closes=True) as (script, target):
            client = Client(target)
            for _ in range(5):
                assert (await ask(client)).outcome == "completed"
            client.close()
            assert script.connections == 5

    run(work())


def test_a_server_that_closes_after_each_answer_finds_connections_made() -> None:
    async def work() -> None:
        async with serving(stream(text("a"), usage(5, 1), headers="Connection: close\r\n")) as (script, target):
            client = Client(target)
            await ask(client)
            await ask(client)  # from here on connections are made beforehand
            await until(lambda: script.connections > 2 + 10)
            assert (await ask(client)).outcome == "completed"
            client.close()

    run(work())


def test_nobody_listens() -> None:
    async def work() -> None:
        async with serving(b"") as (_, target):
            pass
        sample = await ask(Client(target))
        assert sample.fault == "no connection: Connect call failed" or sample.fault.startswith("no connection")
        assert sample.outcome == "failed"

    run(work())


def test_a_cancelled_request_stays_unfinished() -> None:
    async def work() -> None:
        half = stream(text("a"), text("b"))[:-30]
        async with serving(half) as (_, target):
            client = Client(target)
            sample = Sample(1, 0, 5, 2)
            task = asyncio.create_task(client.ask(sample, "prompt"))
            while not sample.content:
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(0)
            assert sample.outcome == "unfinished"
            assert sample.fault == ""

    run(work())


def test_preflight_finds_what_the_server_takes_and_how_long_a_word_is() -> None:
    async def work() -> None:
        # Refuses ignore_eos with usage and alone; then counts 3 tokens of its own and 2 for each word.
        few, many = (stream(text("a"), usage(3 + 2 * words, 1)) for words in (_words()))
        refusal = whole(400, {"message": "unknown field ignore_eos"})
        async with serving(refusal, refusal, few, many) as (script, target):
            found = await preflight(target, 0, None, "")
            assert (found.target.forces_length, found.target.asks_usage) == (False, True)
            assert found.source == "usage"
            assert found.scale.words(2003) == 1000
            assert found.requests == 4
            assert "ignore_eos" not in script.requests[-1]

    run(work())


def test_preflight_says_how_long_a_request_takes_alone() -> None:
    async def work() -> None:
        # Two chunks of a counted 9 tokens arrive at once: no seconds per token, and few before them.
        async with serving(stream(text("a"), text("b"), usage(5, 9))) as (script, target):
            found = await preflight(target, 0, None, "")
            assert [one["max_tokens"] for one in script.requests] == [1, TIMED_TOKENS]
            assert found.tokens == 5 + 5 + 1 + TIMED_TOKENS
            assert found.latency(100) == found.first_seconds + 99 * found.token_seconds

    run(work())


def _words() -> tuple[int, int]:
    from bandplan.bench.prompts import FEW_WORDS, MANY_WORDS

    return FEW_WORDS, MANY_WORDS


def test_without_usage_the_next_counter_counts() -> None:
    async def work() -> None:
        async with serving(stream(text("a"))) as (_, target):
            counted = await preflight(target, 0, lambda text: 2 * len(text.split()), "tokenizer")
            assert (counted.source, counted.scale.per_word) == ("tokenizer", 2.0)
            assert (await preflight(target, 0, None, "")).source == "asked"

    run(work())


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (whole(401, {"message": "Invalid token secret-1"}), "answered 401 (Invalid token ...); set the token"),
        (whole(404, {"error_code": "X", "message": "no endpoint"}), "answered 404 (no endpoint); name an endpoint"),
        (whole(400, {"error": {"message": "not a chat model"}}), "(not a chat model); check the task"),
        (whole(503, {}), "answered 503; wait until the endpoint is ready"),
        (stream(text("a"), done=False), "ended early, without [DONE]; check that it answers"),
        (whole(200, {"choices": [{"message": {"content": "a"}}]}), "not a stream of events; check the address and"),
        (whole(302, {}, "Location: /login\r\n"), "answered 302; name the address that it redirects to"),
    ],
)
def test_preflight_says_in_one_line_what_is_wrong(answer: bytes, told: str) -> None:
    async def work() -> None:
        async with serving(answer, token="secret-1") as (script, target):
            with pytest.raises(BenchProblem) as raised:
                await preflight(target, 0, None, "")
            assert told in str(raised.value)
            assert "secret-1" not in str(raised.value) + repr(target)
            assert "Authorization: Bearer secret-1" in script.heads[0]
            assert "\n" not in str(raised.value)

    run(work())
