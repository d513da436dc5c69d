"""Model units, and the one published estimate of their throughput."""

from __future__ import annotations

from fractions import Fraction

from bandplan.serving.throughput.families import family_of

# "Model units in provisioned throughput", docs.databricks.com: Llama 4 Maverick, 50 units, 3250 tokens/s for requests
# of 3500 input and 300 output tokens. The page does not say whether 3250 counts input, output or both.
ESTIMATED_FAMILY = "Llama 4 Maverick"
ESTIMATED_SHAPE = (3500, 300)
ESTIMATED_UNITS = 50
ESTIMATED_TOKENS_PER_SECOND = 3250


def estimated_tokens_per_second(model: str, model_units: int, input_tokens: int, output_tokens: int) -> float | None:
    """Return the tokens/s of `model_units` for requests of one shape; None for a model or shape without a published
    estimate.

    Units of the same model and shape count as proportional (derived: 65 tokens/s each); other shapes do not.
    """
    family = family_of(model)
    if family is None or family.name != ESTIMATED_FAMILY or (input_tokens, output_tokens) != ESTIMATED_SHAPE:
        return None
    return model_units * ESTIMATED_TOKENS_PER_SECOND / ESTIMATED_UNITS


def units_for(tokens_per_second: Fraction, headroom_percent: int, unit_chunk: int = 1) -> int:
    """Return the units that the published estimate gives for a demand of the published shape, with its headroom.

    Rounded up to a multiple of `unit_chunk`, the increment of the model's units.
    """
    wanted = tokens_per_second * (100 + headroom_percent) / 100 * ESTIMATED_UNITS / ESTIMATED_TOKENS_PER_SECOND
    return -(-wanted.numerator // (wanted.denominator * unit_chunk)) * unit_chunk
