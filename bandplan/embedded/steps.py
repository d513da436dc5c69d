"""The steps of a plan, in Pulumi's terms.

`replace` is the step that summaries count; `create-replacement` (or `import-replacement`) and `delete-replaced` carry
it out.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from bandplan.embedded.diff import PropertyDiff
from bandplan.embedded.resource import ResourceState


class Op(StrEnum):
    """What a step does (sdk/go/common/apitype, `OpType`)."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    DELETE = "delete"
    REFRESH = "refresh"
    IMPORT = "import"
    IMPORT_REPLACEMENT = "import-replacement"


COUNTED = frozenset({Op.SAME, Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE, Op.IMPORT})
"""The operations that a summary counts; a replacement counts once."""


@dataclass(slots=True)
class Step:
    """One operation on one resource. `old` and `new` are the states before and after; one of them may be missing."""

    op: Op
    urn: str
    old: ResourceState | None = None
    new: ResourceState | None = None
    diffs: list[str] = field(default_factory=list)
    replace_keys: list[str] = field(default_factory=list)
    detailed_diff: dict[str, PropertyDiff] | None = None
    is_done: bool = False
    """Whether `new` is the result of the step; otherwise it is the intended state, without outputs."""

    @property
    def resource(self) -> ResourceState:
        """The state after the step if there is one, else the one before."""
        state = self.new or self.old
        assert state is not None
        return state
