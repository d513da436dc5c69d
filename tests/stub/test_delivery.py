"""Tokens on their way out, without a server: due times, turns, the end of what nobody waits for any more."""

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any

import pytest

from bandplan.stub.api.queries.disconnects import Disconnected, while_connected
from bandplan.stub.inference.delivery import Delivery, deliver
from bandplan.stub.inference.engine import Batch, Embedding, Generation, Message, Token
from bandplan.stub.inference.simulated import Pace, SimulatedEngine
from bandplan.stub.inference.ticks import LATE_TURNS, Ticks
from tests.stub.engines.fake_engine import FakeEngine

ASKED = (Message("user", "Say hello"),)
OWN_TOKENS = 12  # Simu|late|d| answ|er| of| llm| to|:| Say| hell|o


def wanted(**fields: Any) -> Generation:
    return Generation("llm", ASKED, **fields)


class Collected:
    """An outlet that keeps what it is given, and is full once it has as much as `most` batches that nobody took."""

    def __init__(self, most: int = 1_000_000, seen: Callable[[int], None] = lambda at: None) -> None:
        self.given: list[tuple[int, list[str]]] = []
        self.expected: list[float] = []
        self.drains = 0
        self._most = self._left = most
        self._seen = seen

    def give(self, at: int, tokens: Sequence[Token]) -> bool:
        self._left -= 1
        self.given.append((at, [token.text for token in tokens]))
        self._seen(at)
        return self._left <= 0

    async def drained(self) -> None:
        await asyncio.sleep(0)
        self.drains += 1
        self._left = self._most

    async def expect(self, due: float) -> None:
        assert not self.given
        self.expected.append(due)

    def texts(self, at: int = 0) -> list[str]:
        return [text for one, texts in self.given for text in texts if one == at]


class Waiting(SimulatedEngine):
    """The same tokens from an engine that waits for them, as those behind a network do."""

    async def generate(self, generation: Generation) -> AsyncGenerator[Batch, None]:  # type: ignore[override]
        with contextlib.closing(super().generate(generation)) as batches:
            for batch in batches:
                await asyncio.sleep(0)
                yield batch


BOTH = pytest.mark.parametrize("engine", [SimulatedEngine, Waiting])


def text_of(generation: Generation, engine: SimulatedEngine | None = None) -> tuple[str, int, str]:
    """Text, number of tokens and finish reason of a whole answer."""

    async def collect() -> tuple[str, int, str]:
        delivery, collected = Delivery(engine or SimulatedEngine(), generation), Collected()
        await delivery.run(collected)
        assert collected.given[-1] == (0, [])
        assert delivery.delivered == len(collected.texts())
        return "".join(collected.texts()), len(collected.texts()), delivery.finish_reason

    return asyncio.run(collect())


def on_fixed_clock(work: Coroutine[Any, Any, list[Batch]], now: list[float]) -> list[Batch]:
    """Run on an event loop whose clock shows `now[0]`."""
    loop = asyncio.new_event_loop()
    loop.time = lambda: now[0]  # type: ignore[method-assign]
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


async def batches_of(engine: SimulatedEngine, generation: Generation, now: list[float], late: float) -> list[Batch]:
    """The batches, each taken `late` seconds after the one before."""
    taken = []
    for batch in engine.generate(generation):
        taken.append(batch)
        now[0] += late
    return taken


def test_token_times_count_from_the_start_whatever_the_delay_of_the_tokens_before() -> None:
    engine, now = SimulatedEngine(Pace(0.2, 0.025)), [100.0]
    batches = on_fixed_clock(batches_of(engine, wanted(), now, late=0.0), now)
    assert [len(batch.tokens) for batch in batches] == [1] * OWN_TOKENS
    assert [batch.due for batch in batches] == pytest.approx([100.2 + 0.025 * n for n in range(OWN_TOKENS)])


def test_token_times_count_from_the_arrival_of_a_request_that_had_to_wait_for_its_turn() -> None:
    engine, now = SimulatedEngine(Pace(0.2, 0.025)), [100.0]
    batches = on_fixed_clock(batches_of(engine, wanted(began=99.9), now, late=0.0), now)
    assert [batch.due for batch in batches] == pytest.approx([100.1 + 0.025 * n for n in range(OWN_TOKENS)])


def test_tokens_that_became_due_meanwhile_come_together() -> None:
    engine, now = SimulatedEngine(Pace(0.0, 0.01)), [0.0]
    # The first token is due at 0; at 0.055 those due at 0.01 to 0.05 are, at 0.11 those up to 0.11, which is the last.
    batches = on_fixed_clock(batches_of(engine, wanted(), now, late=0.055), now)
    assert [len(batch.tokens) for batch in batches] == [1, 5, 6]


@pytest.mark.parametrize(("pace", "expected"), [(Pace(0.01, 0.001), [100.01]), (None, [])])
def test_outlet_is_prepared_for_first_tokens_that_are_not_due_yet(pace: Pace | None, expected: list[float]) -> None:
    async def run() -> list[float]:
        collected = Collected()
        began = asyncio.get_running_loop().time() - 100
        await Delivery(SimulatedEngine(pace), wanted(began=began + 100)).run(collected)
        return [due - began for due in collected.expected]

    assert asyncio.run(run()) == pytest.approx(expected)


@BOTH
def test_a_long_answer_gives_others_their_turn(engine: type[SimulatedEngine]) -> None:
    order = []

    async def follow(name: str, tokens: int) -> None:
        delivery = Delivery(engine(), wanted(max_tokens=tokens, ignore_eos=True))
        await delivery.run(Collected(seen=lambda at: order.append(name)))

    async def both() -> None:
        await asyncio.gather(follow("long", 2400), follow("short", 10))

    asyncio.run(both())
    assert order.index("short") == 1
    assert order.count("long") > 10


def test_few_late_streams_go_on_in_one_turn_of_the_event_loop_each_after_all_others() -> None:
    async def run() -> tuple[list[int], list[int]]:
        ticks, order, per_turn = Ticks(), [], []

        async def stream(number: int) -> None:
            for _ in range(3):
                await ticks.until(0.0)
                order.append(number)

        streams = [asyncio.create_task(stream(number)) for number in range(100)]
        while not all(one.done() for one in streams):
            before = len(order)
            await asyncio.sleep(0)
            per_turn.append(len(order) - before)
        return order, per_turn

    order, per_turn = asyncio.run(run())
    assert max(per_turn) == LATE_TURNS
    assert order == [*range(100)] * 3


def test_one_who_no_longer_waits_costs_no_turn() -> None:
    async def run() -> list[int]:
        ticks, order = Ticks(), []

        async def wait(number: int, due: float) -> None:
            await ticks.until(due)
            order.append(number)

        soon = asyncio.get_running_loop().time() + 0.001
        tasks = [asyncio.create_task(wait(number, due)) for number, due in enumerate((0.0, 0.0, soon, soon))]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return order

    assert asyncio.run(run()) == [1, 3]


def test_long_texts_are_embedded_with_turns_for_others_in_between() -> None:
    async def run() -> int:
        wanted = Embedding("gte", 8, normalised=True)
        embedding = asyncio.create_task(SimulatedEngine().embed(wanted, ["word " * 5000] * 3))
        turns = 0
        while not embedding.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(run()) > 200


def test_a_long_prompt_is_counted_with_turns_for_others_in_between() -> None:
    async def run() -> tuple[int, int]:
        counting = asyncio.create_task(SimulatedEngine().count_text("word, " * 200_000))
        turns = 0
        while not counting.done():
            await asyncio.sleep(0)
            turns += 1
        return counting.result(), turns

    counted, turns = asyncio.run(run())
    assert counted == 400_001  # word|, and the space at the end
    assert turns > 15


def test_vector_of_a_long_text_is_the_sum_of_those_of_its_words() -> None:
    words = [f"w{n}" for n in range(150)]

    async def run() -> tuple[list[float], list[list[float]]]:
        engine, raw = SimulatedEngine(), Embedding("gte", 8, normalised=False)
        ((whole,), _) = await engine.embed(raw, [" ".join(words)])
        return whole, (await engine.embed(raw, words)).vectors

    whole, single = asyncio.run(run())
    assert whole == pytest.approx([sum(column) for column in zip(*single, strict=True)])


def test_choices_are_generated_at_once() -> None:
    collected = Collected()

    async def run() -> None:
        engine = SimulatedEngine()
        wanted_choices = [wanted(max_tokens=400, ignore_eos=True, choice=choice) for choice in range(3)]
        await deliver([Delivery(engine, one) for one in wanted_choices], collected)

    asyncio.run(run())
    taken = [at for at, texts in collected.given if texts]
    assert set(taken[:3]) == {0, 1, 2}
    assert sorted(taken) == sorted([0, 1, 2] * (len(taken) // 3))
    assert [len(collected.texts(at)) for at in range(3)] == [400] * 3
    assert sorted(at for at, texts in collected.given if not texts) == [0, 1, 2]


@BOTH
@pytest.mark.parametrize("choices", [1, 3])
def test_cancelling_a_delivery_ends_the_generation(engine: type[SimulatedEngine], choices: int) -> None:
    async def run() -> None:
        made, given = engine(), asyncio.Event()
        deliveries = [Delivery(made, wanted(max_tokens=10_000, ignore_eos=True, choice=at)) for at in range(choices)]
        task = asyncio.create_task(deliver(deliveries, Collected(seen=lambda at: given.set())))
        await given.wait()
        assert made.stats().running == choices or choices > 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert made.stats().running == 0
        assert made.stats().generated_tokens < 1000

    asyncio.run(run())


@BOTH
def test_full_outlet_is_given_nothing_until_it_is_drained(engine: type[SimulatedEngine]) -> None:
    class Shut(Collected):
        async def drained(self) -> None:
            await asyncio.Event().wait()

    async def run() -> None:
        shut = Shut(most=1)
        task = asyncio.create_task(Delivery(engine(), wanted(max_tokens=320, ignore_eos=True)).run(shut))
        await Delivery(engine(), wanted(max_tokens=640, ignore_eos=True)).run(Collected())
        assert len(shut.given) == 1
        task.cancel()

    asyncio.run(run())


@BOTH
def test_outlet_that_is_often_full_gets_all_in_order(engine: type[SimulatedEngine]) -> None:
    async def texts(most: int) -> list[str]:
        collected = Collected(most)
        await Delivery(engine(), wanted(max_tokens=320, ignore_eos=True)).run(collected)
        assert (collected.drains > 5) == (most == 1)
        return collected.texts()

    assert asyncio.run(texts(1)) == asyncio.run(texts(1000))


@pytest.mark.parametrize("is_abandoned", [True, False])
@BOTH
def test_delivery_is_freed_at_its_end_without_a_search_for_cycles(
    engine: type[SimulatedEngine], is_abandoned: bool
) -> None:
    class Referring(Collected):
        delivery: Delivery

    async def run() -> None:
        given, outlet = asyncio.Event(), Referring(seen=lambda at: given.set())
        delivery = outlet.delivery = Delivery(engine(Pace(0.0, 1000.0) if is_abandoned else None), wanted())
        gone, task = weakref.ref(delivery), asyncio.create_task(delivery.run(outlet))
        del delivery, outlet
        await given.wait()
        if is_abandoned:
            task.cancel()
        await asyncio.wait([task])
        del task
        await asyncio.sleep(0)
        assert gone() is None

    gc.disable()
    try:
        asyncio.run(run())
    finally:
        gc.enable()


@pytest.mark.parametrize("choices", [1, 3])
@pytest.mark.parametrize("is_waiting", [False, True])
def test_a_failing_engine_fails_the_answer(choices: int, is_waiting: bool) -> None:
    class Failing(SimulatedEngine):
        def generate(self, generation: Generation) -> Any:
            return self.slowly() if is_waiting else self.at_once()

        def at_once(self) -> Any:
            yield Batch([], 0.0)
            yield Batch([], 0.0)
            raise RuntimeError("out of memory")

        async def slowly(self) -> Any:
            yield Batch([], 0.0)
            raise RuntimeError("out of memory")

    async def run() -> None:
        await deliver([Delivery(Failing(), wanted()) for _ in range(choices)], Collected())

    with pytest.raises(RuntimeError, match="out of memory"):
        asyncio.run(run())


def test_answer_reaches_its_length_when_asked() -> None:
    own, count, reason = text_of(wanted())
    assert (count, reason) == (OWN_TOKENS, "stop")
    text, count, reason = text_of(wanted(max_tokens=100, ignore_eos=True))
    assert (count, reason) == (100, "length")
    assert text.startswith(f"{own} (2) {own} (3) {own} (4) ")
    text, count, reason = text_of(wanted(max_tokens=100, min_tokens=50))
    assert (count, reason) == (50, "stop")
    assert text_of(wanted(max_tokens=100, min_tokens=5)) == (own, OWN_TOKENS, "stop")


def test_stop_word_ends_an_answer_that_is_forced_to_a_length() -> None:
    text, _, reason = text_of(wanted(max_tokens=1000, ignore_eos=True, min_tokens=1000, stop=("(3)",)))
    assert text.endswith("hello ")
    assert (text.count("(2)"), text.count("(3)"), reason) == (1, 0, "stop")


@pytest.mark.parametrize("field", ["min_tokens", "include_stop_str_in_output"])
def test_stop_word_with_conditions_is_left_to_a_server_that_knows_them(field: str) -> None:
    condition: dict[str, Any] = {"min_tokens": 3} if field == "min_tokens" else {"extra": {field: True}}
    for passes_further, texts in ((True, ["a", "b", "c"]), (False, ["a"])):
        outlet, engine = Collected(), FakeEngine(words=("a", "b", "c"), passes_further=passes_further)
        asyncio.run(Delivery(engine, wanted(stop=("b",), **condition)).run(outlet))
        assert outlet.texts() == texts


def test_json_that_must_be_longer_stays_json() -> None:
    import json

    text, count, _ = text_of(wanted(max_tokens=200, ignore_eos=True, json_schema={}))
    assert count == 200
    assert json.loads(text) == {"answer": "simulated"}


def test_seed_chooses_the_answer_unless_the_temperature_is_0() -> None:
    texts = {seed: text_of(wanted(seed=seed)) for seed in (None, 1, 2)}
    assert len(set(texts.values())) == 3
    assert text_of(wanted(seed=1)) == texts[1]
    assert text_of(wanted(seed=1, temperature=0.0)) == text_of(wanted(seed=2, temperature=0.0))


def test_work_for_a_client_that_has_left_is_cancelled() -> None:
    async def run() -> list[str]:
        seen: list[str] = []
        left = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def work() -> None:
            try:
                async with while_connected({}, receive):
                    left.set()
                    await asyncio.Event().wait()
            except Disconnected:
                seen.append("left")
            # The task itself goes on: nothing of the cancellation is left.
            await asyncio.sleep(0)
            seen.append("went on")

        await asyncio.create_task(work())
        return seen

    assert asyncio.run(run()) == ["left", "went on"]


def test_cancellation_by_somebody_else_is_no_client_that_left() -> None:
    async def run() -> None:
        async def receive() -> dict[str, Any]:
            return await asyncio.Event().wait()  # type: ignore[return-value]

        async def work() -> None:
            async with while_connected({}, receive):
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
