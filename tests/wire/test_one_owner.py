"""Tokens of Pulumi that cross between rooms are written in `bandplan/wire/`; every other room imports them.

The stub repeats what it needs, so that no mistake hides on both sides.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.wire import sentinels, types

ROOT = Path(__file__).resolve().parents[2]
OWNED = sorted(
    value
    for module in (sentinels, types)
    for name, value in vars(module).items()
    if name.isupper() and len(name) > 1
    if isinstance(value, str)
)


def sources() -> Iterator[Path]:
    for room in ("bandplan", "components", "policies", "stacks"):
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).parts
            if parts[:2] not in {("bandplan", "wire"), ("bandplan", "stub"), ("bandplan", "components")}:
                yield path


@pytest.mark.parametrize("token", OWNED)
def test_a_token_of_pulumi_is_written_in_one_place(token: str) -> None:
    repeated = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        if token in (text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and node.value == token
    ]
    assert repeated == []
