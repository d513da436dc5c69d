"""Whether a workspace is on this machine. Imports no SDK, because it is checked before anything else is loaded."""

import ipaddress
from urllib.parse import urlsplit

from bandplan.embedded.errors import Unsupported


def require_loopback(host: str) -> None:
    """Raise Unsupported unless `host`, a URL, is on this machine: production runs on Pulumi itself."""
    name = ""
    try:
        name = urlsplit(host).hostname or ""
        is_loopback = name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise Unsupported(f"a workspace that is not on this machine ({name or host})", "DATABRICKS_HOST")
