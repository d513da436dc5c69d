"""The address of a workspace, parsed from DATABRICKS_HOST."""

from urllib.parse import urlsplit

from bandplan.rest.address import DEFAULT_PORTS, Address, is_loopback
from bandplan.serving.workspace.errors import NotConfigured


def parse_address(text: str) -> Address:
    """Parse the address that `text` names; path and query are dropped, a missing scheme means https.

    Errors: NotConfigured for anything that is not a host, and for http:// to another machine.
    """
    text = text.strip()
    with_scheme = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(with_scheme)
        port = parts.port
    except ValueError:
        raise _unusable("is not a URL") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise _unusable(f"starts with {parts.scheme}://, which is neither https:// nor http://")
    if parts.username is not None or parts.password is not None:
        raise _unusable("holds a user name or password; put the token in DATABRICKS_TOKEN instead")
    host = parts.hostname
    if not host or any(character.isspace() for character in host):
        raise _unusable("names no host")
    if parts.scheme == "http" and not is_loopback(host):
        raise _unusable(
            f"is http://{host}: a token is never sent unencrypted to another machine; use https://{host} "
            "(http:// is for 127.0.0.1 and localhost)"
        )
    return Address(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme])


def _unusable(finding: str) -> NotConfigured:
    return NotConfigured(
        f"DATABRICKS_HOST {finding}; write the workspace's URL, such as https://my-workspace.cloud.databricks.com"
    )
