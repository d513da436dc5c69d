"""The law of a chunk and of model units from the platform's published figures, completed by assumptions of ours.

Published: a chunk gives its tokens/s (input and output together) for requests of 2048/256, and is four units of
provisioned concurrency (8 x 850 / 4 = 1,700); 50 model units of Llama 4 Maverick give 3,250 tokens/s for 3500/300
(docs.databricks.com, read 2026-11). That a unit of concurrency is one request in flight is inferred.
"""

import math

from bandplan.planner.load import Shape
from bandplan.planner.service import Service, half_of

BANDS_SHAPE = Shape(2048, 256)
IN_FLIGHT_PER_CHUNK = 4

UNITS_SHAPE = Shape(3500, 300)
TOKENS_PER_SECOND_PER_UNIT = 3250 / 50
IN_FLIGHT_PER_50_UNITS = 8
"""Ours: nothing is published. A request of 3500/300 then takes as long as one of 2048/256 in a chunk of 980."""

SOLO_SPEEDUP = 1.35
"""Ours: how many times faster one request is alone in its chunk than in a full one. The platform says only that two
together take less than twice the time of one."""

OUTPUT_WEIGHT = 3.0
"""Ours: input tokens that an output token weighs. Published is only that it costs more than one."""

CONTEXT_WEIGHT = 1 / 650
"""Ours: input tokens that reading one token of context weighs, for each output token. Of Llama 3.1 8B, 131,072 bytes
at 70% of 3.35 TB/s (56 ns) against 2 x 8.03e9 operations at 45% of 989 TFLOP/s (36 us), data sheet of the H100."""


def prompt_weight(shape: Shape, cache_hit_percent: float = 0.0) -> float:
    """Return the work of the prompt in input tokens; a cached one costs nothing but its reading."""
    return shape.input_tokens * (1 - cache_hit_percent / 100)


def output_weight(shape: Shape) -> float:
    """Return the work of the output in input tokens: it grows faster than its length."""
    context = shape.input_tokens + shape.output_tokens / 2
    return shape.output_tokens * (OUTPUT_WEIGHT + CONTEXT_WEIGHT * context)


def weight(shape: Shape) -> float:
    """Return the work of a request in input tokens."""
    return prompt_weight(shape) + output_weight(shape)


def chunk_service(tokens_per_second: float, *, speedup: float = SOLO_SPEEDUP, embeds: bool = False) -> Service:
    """Return the service of one chunk; embedding models have prompts alone, each token of the same weight."""
    return _service(tokens_per_second, IN_FLIGHT_PER_CHUNK, BANDS_SHAPE, speedup, embeds=embeds)


def units_service(units: int, *, speedup: float = SOLO_SPEEDUP, embeds: bool = False) -> Service:
    """Return the service of a pool of model units."""
    slots = math.ceil(units * IN_FLIGHT_PER_50_UNITS / 50)
    return _service(units * TOKENS_PER_SECOND_PER_UNIT, slots, UNITS_SHAPE, speedup, embeds=embeds)


def _service(rate: float, slots: int, reference: Shape, speedup: float, *, embeds: bool) -> Service:
    half = half_of(slots, speedup)
    gain = 1.0 if math.isinf(half) else speedup
    full = slots * reference.total / rate  # seconds of a reference request in a full chunk
    per_weight = full / gain / (reference.total if embeds else weight(reference))

    def seconds(shape: Shape, cache_hit_percent: float) -> tuple[float, float]:
        return (
            per_weight * prompt_weight(shape, cache_hit_percent),
            0.0 if embeds else per_weight * output_weight(shape),
        )

    return Service(slots, half, seconds)
