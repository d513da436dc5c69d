"""Serves the pack as a plugin process: `pulumi preview --policy-pack policies` starts it."""

import sys
from pathlib import Path

_PACK = Path(__file__)
# Started as a folder, Python searches this folder instead of the one the packages are in.
sys.path[:] = [
    str(_PACK.resolve().parent.parent),
    *(entry for entry in sys.path if Path(entry).resolve() != _PACK.resolve().parent),
]


def main() -> None:
    """Serve until the engine ends it."""
    from bandplan.policies.server import serve

    serve(_PACK.absolute().parent)


if __name__ == "__main__":
    main()
