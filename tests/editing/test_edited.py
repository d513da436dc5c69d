"""Any value put at any path of a text that people keep: the text says just that afterwards, and no comment is lost."""

import random
from typing import Any

import pytest

from bandplan.serving.editing.edits import CannotEdit, Edit, Path, Put, Remove, edited
from bandplan.serving.editing.yaml_text import flow
from bandplan.serving.spec.document import read

TEXT = """\
version: 1   # of the format
models:
  # desk
  - name: chat
    model: 'm.a.old'   # single quotes
    version: "2"    # pinned by Ana
    throughput:
      bands: {min: 1, max: 2}   # sized in May
  - {name: other, model: m.a.old, throughput: {bands: {min: 1, max: 2}}}  # all in one line
overrides:
  dev: {chat: {version: "5"}}
"""


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        (Put(("models", 0, "throughput", "bands", "max"), 7), "max: 2}   # sized", "max: 7}   # sized"),
        (Put(("models", 0, "version"), "3"), '"2"    #', '"3"    #'),
        (Put(("models", 0, "model"), "m.b.it's"), "'m.a.old'", "'m.b.it''s'"),
        (Put(("models", 1, "throughput", "bands", "max"), 7), "max: 2}}}", "max: 7}}}"),
        (Put(("models", 1, "throughput"), {"model_units": 50}), "{bands: {min: 1, max: 2}}}", "{model_units: 50}}"),
        (Put(("models", 1, "burst"), False), "max: 2}}}  #", "max: 2}}, burst: false}  #"),
        (
            Put(("models", 0, "throughput"), {"model_units": 50}),
            "throughput:\n      bands: {min: 1, max: 2}   # sized in May",
            "throughput: {model_units: 50}\n    # sized in May",
        ),
        (
            Put(("models", 0, "headroom_percent"), 20, ("Measured in June.",)),
            "# sized in May\n",
            "# sized in May\n    # Measured in June.\n    headroom_percent: 20\n",
        ),
        (Put(("overrides", "dev", "chat", "version"), "6"), '"5"', '"6"'),
        (
            Put(("overrides", "prod", "chat", "throughput", "bands", "max"), 9),
            '{chat: {version: "5"}}\n',
            '{chat: {version: "5"}}\n  prod:\n    chat:\n      throughput:\n        bands: {max: 9}\n',
        ),
        (Remove(("models", 1, "model")), "model: m.a.old, throughput: {", "throughput: {"),
        (Remove(("models", 0, "model")), "    model: 'm.a.old'   # single quotes\n", "    # single quotes\n"),
    ],
)
def test_only_what_is_edited_changes(edit: Edit, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert edited(TEXT, [edit]) == TEXT.replace(old, new)
    windows = TEXT.replace("\n", "\r\n")
    assert edited(windows, [edit]) == windows.replace(old.replace("\n", "\r\n"), new.replace("\n", "\r\n"))


def test_several_edits_are_carried_out_at_once() -> None:
    after = edited(
        TEXT,
        [
            Put(("models", 1, "throughput", "bands", "max"), 4),
            Put(("models", 0, "throughput", "bands", "max"), 3),
            Put(("models", 0, "throughput", "bands", "min"), 2),
            Put(("models", 0, "burst"), True),
        ],
    )
    assert after == TEXT.replace("{min: 1, max: 2}   #", "{min: 2, max: 3}   #").replace(
        "max: 2}}}", "max: 4}}}"
    ).replace("# sized in May\n", "# sized in May\n    burst: true\n")


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("a: &x {b: 1}\nc: *x\n", ("a",), "anchor"),
        ("a: &x {b: 1}\nc: *x\n", ("c",), "anchor"),
        ("a: &x {b: 1}\nc: *x\n", ("a", "b"), "without changing something else"),
        ("a: {b: 1}\nc: [1, 2]\n", ("c", 0), "is not written there"),
        ("a: {b: 1}\nc: 5\n", ("c", "d"), "c is not a mapping"),
        ("", ("a",), "empty"),
        ("[1, 2]\n", ("a",), "mapping"),
    ],
)
def test_what_cannot_be_edited_is_named(text: str, path: Path, reason: str) -> None:
    with pytest.raises(CannotEdit, match=reason):
        edited(text, [Put(path, 2)])


def block_text(value: Any, indent: int, draw: random.Random, comments: list[str]) -> list[str]:
    """A mapping in lines or in brackets, quoted in different ways, with comments here and there."""
    lines = []
    for key, item in value.items():
        note = f"note {len(comments)}" if draw.random() < 0.4 else ""
        comments += [note] if note else []
        tail = f"  # {note}" if note else ""
        head = " " * indent + key + ":"
        if isinstance(item, dict) and item and draw.random() < 0.6:
            lines += [head + tail, *block_text(item, indent + 2, draw, comments)]
        elif isinstance(item, list):
            lines.append(head + tail)
            for one in item:
                first, *rest = block_text(one, indent + 4, draw, comments)
                lines += [" " * (indent + 2) + "- " + first.lstrip(), *rest]
        else:
            is_single = isinstance(item, str) and draw.random() < 0.3
            written = f"'{item}'" if is_single else flow(item)
            lines.append(f"{head} {written}{tail}")
    return lines


def paths_of(value: Any, path: Path = ()) -> list[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [one for key, item in items for one in ((*path, key), *paths_of(item, (*path, key)))]


def drawn_value(draw: random.Random, depth: int = 0) -> Any:
    kind = draw.randrange(7 if depth < 2 else 5)
    if kind >= 5:
        return {f"k{number}": drawn_value(draw, depth + 1) for number in range(draw.randrange(1, 4))}
    return [draw.randrange(100), draw.random() < 0.5, None, "plain", "2: #x"][kind]


@pytest.mark.parametrize("seed", range(300))
def test_any_edit_of_any_layout_says_just_what_was_asked_for_and_keeps_the_comments(seed: int) -> None:
    draw = random.Random(seed)
    entries = [{"name": f"m{number}", "size": drawn_value(draw), "tags": drawn_value(draw)} for number in range(3)]
    data = {"version": 1, "models": entries, "overrides": {"dev": {"m0": {"size": 1}}}}
    comments: list[str] = []
    text = "\n".join(block_text(data, 0, draw, comments)) + "\n"
    assert read(text, "f").data == data
    paths = [path for path in paths_of(data) if isinstance(path[-1], str)]
    path = draw.choice(paths)
    if draw.random() < 0.3:
        path = (*path[:-1], "added")
    edit: Edit = Remove(path) if path in paths and draw.random() < 0.3 else Put(path, drawn_value(draw))
    try:
        after = edited(text, [edit])
    except CannotEdit as refused:
        # The first key of an entry of a list stays, and the only child of a mapping may.
        assert isinstance(edit, Remove), refused
        return
    for comment in comments:
        assert f"# {comment}\n" in after, (text, after)
