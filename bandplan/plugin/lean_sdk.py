"""Skips the parts of the Pulumi SDK's import that neither a provider nor the embedded engine uses.

`import pulumi` also loads the Automation API and `dill` (for dynamic providers), a third of its time. With this module
they load on first use.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Final

LATE: Final = frozenset({"pulumi.automation", "dill"})
"""Modules whose own code runs only when one of their attributes is accessed."""


def import_late() -> None:
    """Defer the `LATE` modules. Call it before the first `import pulumi` of a process; later calls change nothing."""
    if "pulumi" not in sys.modules and not any(isinstance(finder, _LateFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _LateFinder())


class _LateFinder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in LATE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec
