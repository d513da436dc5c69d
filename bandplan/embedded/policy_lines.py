"""Policy findings as the `Policies:` section of Pulumi's own display. Pure.

Source: pkg/backend/display/progress.go and diff.go in github.com/pulumi/pulumi (read 2026-11).
"""

from collections.abc import Iterable, Iterator

from bandplan.embedded.events import Judged, PolicyViolated
from bandplan.embedded.wording import short_type

NOTHING = "nothing was checked: no rule covers any of the declared resources"
IN_PART = "rules for the whole stack were not checked: the run failed first"


def policy_section(pack: str, violations: Iterable[PolicyViolated], judged: Judged) -> Iterator[str]:
    """Yield the lines of the section; none without a pack. `pack` is Pulumi's heading: `name@vVERSION (local: FOLDER)`.

    A pack that checked nothing, or not everything, has approved nothing: unlike Pulumi, this says so.
    """
    if not pack:
        return
    ordered = sorted(violations, key=lambda one: (one.level != "mandatory", one.policy, one.urn))
    missed = IN_PART if not judged.stack and judged.resources else "" if judged.resources else NOTHING
    good = "✅" if not missed else "❔"
    mark = good if not ordered else "❌" if ordered[0].level == "mandatory" else "⚠️"
    yield "Policies:"
    yield f"    {mark} {pack}{missed and f': {missed}'}"
    for one in ordered:
        parts = one.urn.split("::", 3)
        yield f"        - [{one.level}]  {one.policy}  ({short_type(parts[2].rsplit('$', 1)[-1])}: {parts[3]})"
        for line in one.message.rstrip("\n").split("\n"):
            yield f"          {line}"
    yield ""
