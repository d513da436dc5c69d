"""A file that a platform keeps for a run. It redirects to its storage, which must not see the token."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from bandplan.cli.errors import CommandError
from bandplan.cli.saved_plan.file import MOST_BYTES


def download(url: str, credentials: Mapping[str, str], next_step: str) -> bytes:
    """Errors: CommandError that ends with `next_step`."""
    import urllib3

    retries = urllib3.Retry(3, redirect=0, raise_on_redirect=False, status_forcelist=(500, 502, 503), backoff_factor=1)

    def get(target: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        named = {"User-Agent": "bandplan", **headers}
        return urllib3.request("GET", target, headers=named, redirect=False, retries=retries, timeout=60.0)

    try:
        answer = get(url, credentials)
        target = answer.headers.get("Location", "")
        if answer.status in (301, 302, 303, 307, 308) and is_safe(target):
            answer = get(target, {})
    except urllib3.exceptions.HTTPError as error:
        raise CommandError(f"no plan: the artifact could not be fetched: {type(error).__name__}") from error
    if answer.status != 200:
        raise CommandError(f"no plan: the artifact could not be fetched (HTTP {answer.status}); {next_step}")
    if len(answer.data) > MOST_BYTES:
        raise CommandError(f"no plan: the artifact has more than {MOST_BYTES:,} bytes")
    return answer.data


def is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost"))
