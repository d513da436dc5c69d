"""What the log of vLLM says: what it is doing, and why it ended. Only words are read, never a fixed format."""

import re
from collections.abc import Iterable

STEPS = (
    (re.compile(r"[Dd]ownloading|Fetching \d+ files"), "downloading weights"),
    (re.compile(r"(?:Loading|load).*?(\d+)% Completed|shards:\s+(\d+)%"), "loading weights, {}%"),
    (re.compile(r"Starting to load model|Loading weights|Loading model"), "loading weights"),
    (re.compile(r"^(?!.*[Dd]isabl).*(?:torch\.compile|Compiling|Dynamo)"), "compiling"),
    (re.compile(r"Capturing (?:CUDA|cuda) ?graph"), "capturing CUDA graphs"),
    (re.compile(r"KV cache|profil(?:ing|e)"), "sizing its cache"),
    (re.compile(r"Application startup complete|Starting vLLM (?:API )?server"), "starting its server"),
)

REASONS = re.compile(r"^(?:.*\b)?(\w*(?:Error|Exception|OutOfMemory\w*)\b:? .*)$")
NOISE = re.compile(r"Traceback|\b(?:DEBUG|INFO|WARNING)\b|KeyError: '/(?:psm|mp)[_-]")
"""No reason to end: advice that names an error, and what Python's tracker of shared memory says after a kill."""

CONSEQUENCE = re.compile(r"root cause|Engine core initialization failed")
"""Errors that follow from another one."""

PORT_TAKEN = re.compile(r"address already in use|port \d+ is (?:already )?(?:in use|taken)", re.IGNORECASE)

MOST_CHARACTERS = 240


def step_of(line: str) -> str | None:
    """Return what a line of the log says that vLLM is doing, None if it says nothing about that."""
    for pattern, said in STEPS:
        if found := pattern.search(line):
            return said.format(next((group for group in found.groups() if group is not None), ""))
    return None


def reason_of(lines: Iterable[str]) -> str:
    """Return why vLLM ended: its last error that names a cause, else its last error, else its last line, unless that
    only tells of its work; "" if it wrote none of these.
    """
    last = named = following = ""
    for line in lines:
        text = _visible(line)
        if not text or NOISE.search(text):
            continue
        last = text
        if found := REASONS.match(text):
            if CONSEQUENCE.search(text):
                following = found[1]
            else:
                named = found[1]
    said = named or following or last
    return said if len(said) <= MOST_CHARACTERS else said[: MOST_CHARACTERS - 3] + "..."


def is_port_taken(lines: Iterable[str]) -> bool:
    """Whether vLLM ended because somebody else has its port."""
    return any(PORT_TAKEN.search(line) for line in lines)


def _visible(line: str) -> str:
    """Return a line without its colours and invisible characters."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", line)
    return "".join(mark if mark.isprintable() else " " for mark in text).strip()
