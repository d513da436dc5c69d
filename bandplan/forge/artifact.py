"""A file that a forge keeps for a run. It redirects to its storage, which must not see the token."""

import io
import zipfile
from collections.abc import Mapping
from urllib.parse import urlsplit

from bandplan.forge.errors import NoPlan


def download(url: str, credentials: Mapping[str, str], most_bytes: int, next_step: str) -> bytes:
    """At most `most_bytes`. Errors: NoPlan that ends with `next_step`."""
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
        raise NoPlan(f"no plan: the artifact could not be fetched: {type(error).__name__}") from error
    if answer.status != 200:
        raise NoPlan(f"no plan: the artifact could not be fetched (HTTP {answer.status}); {next_step}")
    if len(answer.data) > most_bytes:
        raise NoPlan(f"no plan: the artifact has more than {most_bytes:,} bytes")
    return answer.data


def is_safe(url: str) -> bool:
    """Whether a redirect may be followed: over https, or on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost"))


def only_file(archive: bytes, name: str, most_bytes: int, next_step: str) -> bytes:
    """The content of the archive's one file; it comes from a pull request's job, so nothing of it is believed."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            entries = [entry for entry in files.infolist() if not entry.is_dir()]
            if len(entries) != 1 or entries[0].file_size > most_bytes:
                raise NoPlan(f"artifact {name}: holds more than one plan; {next_step}")
            with files.open(entries[0]) as file:
                return file.read(most_bytes + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise NoPlan(f"artifact {name}: is no archive that can be read; {next_step}") from error
