"""The forge that this job runs on."""

from collections.abc import Mapping
from typing import Final

from bandplan.forge.errors import NotConfigured
from bandplan.forge.forge import Forge
from bandplan.forge.github import GitHub
from bandplan.forge.gitlab import GitLab

FORGES: Final[tuple[Forge, ...]] = (GitHub(), GitLab())


def forge_of(environ: Mapping[str, str], name: str | None = None, default: str | None = None) -> Forge:
    """Return the forge of that name, else the one whose CI this job runs in, else `default`. Errors: NotConfigured."""
    found = [one for one in FORGES if (one.name == name if name else environ.get(one.sign))]
    if len(found) != 1 and default is not None:
        return forge_of(environ, default)
    if len(found) == 1:
        return found[0]
    why = "both GitHub's and GitLab's variables are set" if found else "this is neither GitHub Actions nor GitLab CI"
    raise NotConfigured(f"{why}; pass --forge github or --forge gitlab")
