"""Serves the provider as a plugin process; the engine starts it and passes its own address."""

import sys
from pathlib import Path

# Started as a folder (`python bandplan/provider/`), Python searches this folder instead of the one the packages are in.
_ROOT = str(Path(__file__).resolve().parents[2])
sys.path[:] = [
    _ROOT,
    *(entry for entry in sys.path if entry != str(Path(__file__).resolve().parent)),
]


def main(argv: list[str]) -> None:
    """Serve until the engine ends it; progress goes to the engine's log if its address is among `argv`."""
    from bandplan.plugin.lean_sdk import import_late

    import_late()
    from bandplan.plugin.server import serve
    from bandplan.provider.engine_log import EngineLog
    from bandplan.provider.native import BandplanProvider
    from bandplan.provider.schema import VERSION

    address = next((argument for argument in argv if not argument.startswith("-")), None)
    if address is None:
        provider = BandplanProvider()
    else:
        log = EngineLog(address)
        provider = BandplanProvider(progress=log.progress, warn=log.warn)
    serve(provider, VERSION, argv)


if __name__ == "__main__":
    main(sys.argv[1:])
