"""No regular expression of the product takes more than time in proportion to the text, whoever wrote that.

Every pattern is found in the source. It is run over texts that repeat parts of what it fits, and the steps are counted.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.serving.throughput.families import FAMILIES
from tests.step_counter import Counter, TooManySteps, texts

ROOT = Path(__file__).resolve().parents[1]
ROOMS = sorted(path.name for path in (ROOT / "bandplan").iterdir() if path.is_dir() and path.name != "__pycache__")
ANCHORED = {"match", "fullmatch"}
SHORT, LONG = 30, 120
"""Characters. A quadratic pattern takes 16 times as many steps for the longer, one in proportion 4."""


def patterns_in(file: Path) -> Iterator[tuple[str, re.Pattern[str], bool]]:
    """Place, pattern, and whether it is only ever tried at the start of a text."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    methods: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            methods.setdefault(node.value.id, set()).add(node.attr)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("re"), attr="compile" | "escape")):
                continue
            case ast.Call(
                func=ast.Attribute(value=ast.Name("re"), attr=method), args=[ast.Constant(str() as text), *_]
            ):
                flags = re.NOFLAG if "re.MULTILINE" not in ast.unparse(node) else re.MULTILINE
                yield f"{module}:{node.lineno}", re.compile(text, flags), method in ANCHORED
    if re.search(r"^_?[A-Z_]+(: Final)? = (re\.compile|tuple\()", file.read_text(encoding="utf-8"), re.MULTILINE):
        for name, value in vars(importlib.import_module(module)).items():
            if isinstance(value, re.Pattern) and name in methods | {name: set()}:
                yield f"{module}.{name}", value, bool(methods.get(name)) and methods[name] <= ANCHORED
            elif name == "_TOKENS":
                yield from ((f"{module}.{name}", pattern, False) for _, pattern in value)


def all_patterns() -> list[tuple[str, re.Pattern[str], bool]]:
    files = [
        file
        for room in ROOMS
        for file in sorted((ROOT / "bandplan" / room).rglob("*.py"))
        if "__main__" not in file.name
    ]
    found = [one for file in files if "re." in file.read_text(encoding="utf-8") for one in patterns_in(file)]
    found += [(f"family {family.name}", re.compile(family.pattern), False) for family in FAMILIES]
    return list(
        {
            (pattern.pattern, pattern.flags, anchored): (place, pattern, anchored) for place, pattern, anchored in found
        }.values()
    )


def steps(pattern: re.Pattern[str], text: str, is_anchored: bool, most: int) -> int:
    counter = Counter(pattern, text, most)
    if is_anchored:
        counter.match()
    else:
        counter.search()
    return counter.steps


def grows_too_fast(pattern: re.Pattern[str], is_anchored: bool, start: str, repeated: str, end: str) -> bool:
    short, long = (start + (repeated * length)[:length] + end for length in (SHORT, LONG))
    try:
        few = steps(pattern, short, is_anchored, 30_000)
        steps(pattern, long, is_anchored, 6 * few + 2_000)
    except TooManySteps:
        return True
    return False


PATTERNS = all_patterns()


def test_the_patterns_of_the_product_are_found() -> None:
    places = [place for place, _, _ in PATTERNS]
    assert len(places) > 80
    for expected in (
        "bandplan.wire.redaction._TOKENS",
        "bandplan.report.markdown.escaping._LINKED",
        "bandplan.serving.workspace.metrics._LINE",
    ):
        assert expected in places


@pytest.mark.parametrize(("place", "pattern", "is_anchored"), PATTERNS, ids=[place for place, _, _ in PATTERNS])
def test_steps_grow_with_the_text_alone(place: str, pattern: re.Pattern[str], is_anchored: bool) -> None:
    slow = [
        (start, repeated)
        for start, repeated in texts(pattern, 12)
        if grows_too_fast(pattern, is_anchored, start, repeated, "\0")
    ]
    assert slow == []


@pytest.mark.parametrize(
    ("pattern", "is_anchored"),
    [
        (r"\beyJ[\w-]{8,}\.[\w-]{4,}", False),
        (r"([^/:\s]+)[^:\s]*: x", True),
        (r"(a|a)*b", True),
        (r"[A-Za-z_]\w*=", False),
    ],
)
def test_the_counter_finds_patterns_that_are_slow(pattern: str, is_anchored: bool) -> None:
    compiled = re.compile(pattern)
    assert any(grows_too_fast(compiled, is_anchored, *parts, "\0") for parts in texts(compiled, 40))
