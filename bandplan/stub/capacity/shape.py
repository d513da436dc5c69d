"""The size of a request in tokens, and the two sizes for which the platform publishes figures."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """Input and output tokens of one request."""

    input_tokens: int
    output_tokens: int

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


BANDS_REFERENCE = Shape(2048, 256)
"""The request size at which the tokens/s of a band are measured (docs.databricks.com, legacy provisioned throughput).
"""

UNITS_REFERENCE = Shape(3500, 300)
"""The medium workload for which the tokens/s of model units are estimated (docs.databricks.com, model units)."""
