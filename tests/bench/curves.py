"""A measured curve by hand: levels that follow C / (t0 + s C)."""

from bandplan.bench.curve import Curve
from bandplan.bench.lengths import Length
from bandplan.bench.level import Client, Slo, closed_point
from bandplan.bench.sample import Sample
from tests.bench.events import request


def level_samples(parallel: int, latency: float, rounds: int = 40, tokens: int = 10) -> list[Sample]:
    """Each slot sends its requests one after another; the first token takes half of the time."""
    found = []
    for slot in range(parallel):
        for number in range(rounds):
            sent = slot * latency / parallel + number * latency
            content = [sent + latency / 2 * (1 + token / (tokens - 1)) for token in range(tokens)]
            found.append(request(sent, content, given=100, asked=tokens))
    return found


def curve(levels: dict[int, float], slo: Slo | None = None, client: Client = Client(), rounds: int = 80) -> Curve:
    """A curve from latencies by parallelism."""
    return Curve(
        name="support-chat",
        task="chat",
        address="http://127.0.0.1:1",
        route="invocations",
        streamed=True,
        mode="sweep",
        input=Length(100),
        output=Length(10),
        token_source="usage",
        seed=0,
        started_at="2026-11-29T12:00:00Z",
        model="system.ai.llama",
        served="llama-1",
        slo=slo,
        stopped="plateau",
        points=[closed_point(level_samples(c, latency, rounds), c, slo, client) for c, latency in levels.items()],
    )
