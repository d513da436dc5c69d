"""What policies found, as the `Policies:` section of Pulumi's own display. Pure.

Source: pkg/backend/display/progress.go and diff.go in github.com/pulumi/pulumi (read 2026-11).
"""

from collections.abc import Iterable, Iterator

from bandplan.embedded.events import Judged, PolicyViolated
from bandplan.embedded.wording import short_type

NOTHING = "nothing was judged: no resource that it has rules for was declared"
IN_PART = "the stack as a whole was not judged: the run failed before"


def policy_section(pack: str, violations: Iterable[PolicyViolated], judged: Judged) -> Iterator[str]:
    """Lines; none without a pack. `pack` is as Pulumi heads it: `name@vVERSION (local: FOLDER)`.

    A pack that saw nothing, or not all, has approved of nothing: unlike Pulumi, this says so.
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
