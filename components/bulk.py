"""What declaring a thousand resources need not cost: settings of this process, both measured to matter."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# New objects between two collections. A declared fleet is one graph that grows and is never garbage, and with the
# interpreter's 700 the collector walks it again and again: at 500 endpoints a third of the program's time.
OBJECTS_BETWEEN_COLLECTIONS = 200_000


@contextmanager
def bulk_declaration() -> Iterator[None]:
    """Resources declared inside carry no source position, and garbage is collected rarely from here on.

    For every resource the SDK reads the whole stack, source lines included, to name the line that declared it; here
    that is always the same line of `components`. The limit is back in place before anybody can print a traceback.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
    missing = object()
    before = getattr(sys, "tracebacklimit", missing)
    sys.tracebacklimit = 1
    try:
        yield
    finally:
        if before is missing:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before  # type: ignore[assignment]
