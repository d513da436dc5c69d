"""What a process inherits from its parent and a running one cannot take over: only equal ones can stand in for it.

The terminal's session, user, groups and capabilities, limits, namespaces and control group, priority and processors,
and what Python reads from its environment while it starts.
"""

import os
import sys
from binascii import crc32
from collections.abc import Mapping

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
STATUS = (
    "Uid",
    "Gid",
    "Groups",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",
    "Cpus_allowed",
    "Mems_allowed",
)
"""Lines of /proc/self/status. Source: proc_pid_status(5), read 2026-11."""

READ_AT_START = (
    "HOME",
    "LANG",
    "LANGUAGE",
    "GLIBC_TUNABLES",
    "OTEL_PROPAGATORS",
    "OTEL_TRACES_SAMPLER",
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION",
    "PULUMI_ENABLE_LEGACY_APPLY",
    "TEMPORARILY_DISABLE_PROTOBUF_VERSION_CHECK",
)
READ_LATER = "PYTHON_COLORS"
"""Read whenever something is printed, and set by every command for the programs that it starts."""

READ_AT_START_PREFIXES = (
    "PYTHON",
    "_PYTHON",
    "LC_",
    "LD_",
    "MALLOC_",
    "OPENSSL_",
    "GRPC_",
    "PYDANTIC_",
    "OTEL_PYTHON_",
    "OTEL_SPAN_",
    "OTEL_ATTRIBUTE_",
)
"""Variables that Python, its C libraries or a package read once, while they start or are imported. A warm process has
these alone, so none may hold a secret.
"""


MESSAGES = 2
"""Counts the changes of what crosses the socket: a warm process of an older version, which could not read a request to
see that it is out of date, has another name.
"""


def inherited() -> str:
    """Describe this process. Two with the same description differ in nothing that a request does not carry.

    Errors: OSError where /proc has not what this kernel is known to have.
    """
    parts = [
        f"messages {MESSAGES}",
        sys.version,
        sys.executable,
        sys.prefix,
        os.path.dirname(os.path.abspath(__file__)),
        *(f"{name}={value}" for name, value in environment(os.environ).items()),
        f"session {os.getsid(0)}",
        f"nice {os.getpriority(os.PRIO_PROCESS, 0)}",
        f"scheduler {os.sched_getscheduler(0)} {os.sched_getparam(0).sched_priority}",
        *(os.readlink(f"/proc/self/ns/{name}") for name in NAMESPACES if os.path.lexists(f"/proc/self/ns/{name}")),
        text("/proc/self/cgroup"),
        text("/proc/self/limits"),
        text("/proc/self/oom_score_adj"),
        *(line for line in text("/proc/self/status").splitlines() if line.partition(":")[0] in STATUS),
        label(),
    ]
    return "\n".join(parts)


def key_of(description: str) -> str:
    """Return the name of a socket; a process checks the whole description, so that equal names do no harm."""
    data = description.encode(errors="surrogateescape")
    return f"{crc32(data):08x}{crc32(data[::-1]):08x}"


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that matter while Python starts, sorted."""
    return {
        name: value
        for name, value in sorted(environ.items())
        if name in READ_AT_START or (name.startswith(READ_AT_START_PREFIXES) and name != READ_LATER)
    }


def text(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def label() -> str:
    """Return the label of the security module, "" if there is none."""
    try:
        return text("/proc/self/attr/current")
    except OSError:
        return ""
