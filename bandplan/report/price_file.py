"""A user's price file (YAML), checked; `schemas/prices.schema.json` says the same to editors.

```yaml
version: 1
currency: USD
source: price list of 2026-11-01, eu-west-1      # optional; shown in the report
prices:
  - {model: system.ai.llama_v3_3_70b_instruct, per_hour: 6.00, chunks: 1}
  - {model: "system.ai.gte*", per_hour: 2.50, tokens_per_second: 980}
  - {family: model_units, per_hour: 0.35, model_units: 1}
```
"""

from typing import Any

from bandplan.report.errors import BadInput
from bandplan.report.price import Prices
from bandplan.report.reading import Reading
from bandplan.wire.prices import BadPriceList, read_price_list
from bandplan.wire.text import one_line


def read_prices(text: str, reading: Reading) -> Prices:
    """Read the prices of a file.

    Errors: BadInput with every problem, each with its place.
    """
    try:
        listed = read_price_list(_parsed(text, reading.file))
    except BadPriceList as error:
        for problem in error.problems:
            reading.note(one_line(problem.place, 80), problem.finding)
        reading.finish()
        raise
    return Prices(reading.file, listed, one_line(reading.text(listed.source, "source") or "", 200))


def _parsed(text: str, file: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark is not None else file
        raise BadInput(f"{place}: not YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadInput(f"{file}: cannot be parsed as YAML") from error
