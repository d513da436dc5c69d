"""Problems of the models file as a deployment prints them, one a line, read back into their parts."""

import re
from collections.abc import Mapping
from typing import Final

from bandplan.serving.spec.problem import Problem, Severity

LINE: Final = re.compile(
    r"(?P<file>[^\s:][^:\n]*):(?P<line>\d+):(?P<column>\d+): (?:(?P<severity>error|warning) )?"
    r"(?P<id>[\w-]+)(?: (?P<path>[^:\n]*))?: (?P<words>.+)"
)
"""As `Problem.render` writes it, with or without the severity."""


def read_problem(line: str, severity: Severity, rules: Mapping[str, str]) -> Problem | None:
    """Parse one line; return None if it is not a problem.

    `rules` maps ids to the texts of rules; `severity` is for a line that states none. Finding, rule and next step may
    each contain a semicolon, so the known text of the rule separates them.
    """
    found = LINE.fullmatch(line)
    if found is None:
        return None
    rule = rules.get(found["id"], "")
    finding, _, rest = found["words"].partition(f"; {rule}") if rule else (found["words"], "", "")
    if found["words"] == finding:
        rule = ""
    return Problem(
        found["file"],
        int(found["line"]),
        int(found["column"]),
        found["path"] or "",
        finding,
        rule,
        rest.removeprefix("; "),
        found["id"],
        "warning" if (found["severity"] or severity) == "warning" else "error",
    )
