import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bandplan.serving.editing.yaml_text import block, is_plain, scalar
from bandplan.serving.spec.document import read
from tests.unhurried import UNHURRIED

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["yes", "No", "on", "null", "~", "1", "0012", "1e3", "0x1F", "1_000", "2026-01-31", ".5", "-", "a: b", "a #b",
         " a", "a ", "", "'", '"', "\\", "{", "[x]", "&a", "*a", "!t", "%", "@a", "`", "|", ">", "a\nb", "\t", "\x85",
         "\u2028", "\ufeff", "é", "😀", "\x1b[31m", "=", "<<", "y", "N", "1:30", "on ", "12:30:45", "0o7", "1.", "+1"]
    ),
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(TEXTS.filter(lambda t: t not in ("", "<<")), inner, max_size=4)
    ),
    max_leaves=6,
)


@settings(UNHURRIED, max_examples=150)
@given(TEXTS)
def test_text_reads_back_as_the_same_text_by_the_rules_of_yaml_1_1_and_1_2(text: str) -> None:
    written = f"key: {scalar(text)}\n"
    assert read(written, "f").data == {"key": text}
    assert yaml.safe_load(written) == {"key": text}


@settings(UNHURRIED, max_examples=100)
@given(st.dictionaries(st.sampled_from(["name", "tags", "entities", "a-b"]), VALUES, min_size=1, max_size=3))
def test_mapping_reads_back_as_the_same_mapping(value: dict[str, object]) -> None:
    written = "\n".join(block(value)) + "\n"
    document = read(written, "f")
    assert document.problems == ()
    assert document.data == value


def test_usual_names_and_mails_stay_without_quotes() -> None:
    for text in ("llm/v1/chat", "system.ai.llama-4-maverick", "CAN_QUERY", "ml-oncall@example.com", "support apps"):
        assert is_plain(text)


def test_version_is_quoted_so_that_it_stays_text() -> None:
    assert block({"version": "1"}) == ['version: "1"']
