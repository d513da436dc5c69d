"""Scheme, host and port of a server, and the proxy on the way there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DEFAULT_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Address:
    """Scheme, host and port; `url` is the canonical form, without path and default port."""

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}")

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Report whether `host` can only be this machine: localhost, *.localhost, 127.0.0.0/8 or ::1."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_of(address: Address, environ: Mapping[str, str]) -> str | None:
    """Return the proxy that `environ` names for a remote address; this machine is never reached through one.

    NO_PROXY lists hosts, including all their subdomains, with or without a port, or `*`; the lower-case names take
    precedence, as in curl and Python's own client.
    """
    if address.is_loopback:
        return None
    excluded = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    for name in (part.strip().lstrip(".").lower() for part in excluded.split(",")):
        host, _, port = name.rpartition(":") if name.count(":") == 1 else (name, "", "")
        if port and port != str(address.port):
            continue
        if host == "*" or (host and (address.host == host or address.host.endswith(f".{host}"))):
            return None
    return environ.get("https_proxy") or environ.get("HTTPS_PROXY") or None
