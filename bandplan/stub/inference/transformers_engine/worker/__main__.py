"""`PYTHON worker/__main__.py DESCRIPTOR`: serve the other end of an inherited socket until it closes.

Started by path, because the environment with torch need not have bandplan: only this one package is made importable.
"""

import ctypes
import importlib.util
import os
import signal
import sys
from pathlib import Path

SET_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl(2)."""


def main(descriptor: int, parent: int) -> None:
    _end_with(parent)
    if "bandplan" not in sys.modules:
        _make_importable(Path(__file__).resolve().parents[4])
    from bandplan.stub.inference.transformers_engine.worker.serving import serve

    serve(descriptor)


def _end_with(parent: int) -> None:
    """End this process with the stub, even if that is killed while weights are loaded."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _make_importable(package: Path) -> None:
    """Make the package of this file importable, without the folder that it lies in."""
    spec = importlib.util.spec_from_file_location(
        package.name, package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[package.name] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
