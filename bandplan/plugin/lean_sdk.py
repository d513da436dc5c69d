"""Leaves out of the import of the Pulumi SDK what neither a provider nor the embedded engine uses.

`import pulumi` loads the Automation API and `dill` (for dynamic providers) as well: a third of its time. With this they
load when somebody first uses them.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Final

LATE: Final = frozenset({"pulumi.automation", "dill"})
"""Modules whose own code runs only when an attribute of theirs is asked for."""


def import_late() -> None:
    """Call before the first `import pulumi` of a process; later calls and calls too late change nothing."""
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
