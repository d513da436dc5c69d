"""A repository on GitHub and the token for it, by the variables that GitHub Actions sets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bandplan.report.comment.client import Client, Clock, checked_base_url, checked_token
from bandplan.report.errors import NotConfigured

_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)


@dataclass(frozen=True)
class GitHubAccess:
    """Where GitHub's API is, without a slash at the end, and a token for it."""

    base_url: str
    token: str = field(repr=False)

    def client(self, clock: Clock) -> Client:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"}
        return Client(self.base_url, headers, self.token, clock)


def repository_name(environ: Mapping[str, str]) -> str:
    """owner/name of GITHUB_REPOSITORY, which is set. Errors: NotConfigured."""
    name = environ["GITHUB_REPOSITORY"]
    if not _REPOSITORY.fullmatch(name):
        raise NotConfigured("GITHUB_REPOSITORY is not of the form owner/name")
    return name


def github_access(environ: Mapping[str, str]) -> GitHubAccess:
    """By GITHUB_TOKEN, which is set, and GITHUB_API_URL. Errors: NotConfigured."""
    token = checked_token(environ["GITHUB_TOKEN"], "GITHUB_TOKEN")
    base_url = checked_base_url(environ.get("GITHUB_API_URL") or "https://api.github.com", "GITHUB_API_URL")
    return GitHubAccess(base_url, token)
