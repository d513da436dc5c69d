"""No secret gets into any form of the report, wherever in a preview it stands.

Token-like texts are put together here, so that no scanner takes this file for one that holds some.
"""

import json
from html import unescape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandplan.report.document import document_text
from bandplan.report.html.page import html
from bandplan.report.load import Given, load_reports
from bandplan.report.markdown.page import markdown
from bandplan.report.threshold import Thresholds
from bandplan.wire.redaction import REDACTED, SECRET, SIGNATURE, redactor
from tests.report.previews import changed, component_urn, document, entity, inputs, report_on, warning
from tests.unhurried import UNHURRIED

HEX = st.text("0123456789abcdef", min_size=32, max_size=40)
ALNUM = st.text("ABCDEFGHabcdefgh01234567", min_size=36, max_size=40)

TOKENS = st.one_of(
    HEX.map("dapi{}".format),
    HEX.map("dapi{}-2".format),
    HEX.map("dose{}".format),
    ALNUM.map("ghp_{}".format),
    ALNUM.map("ghs_{}".format),
    ALNUM.map("github_pat_{}".format),
    ALNUM.map("glpat-{}".format),
    HEX.map("pul-{}".format),
    ALNUM.map("hf_{}".format),
    ALNUM.map("sk-proj-{}".format),
    ALNUM.map("xoxb-{}".format),
    *(ALNUM.map(f"{start}{{}}".format) for start in ("xapp-1-", "gsk_", "r8_", "npm_", "xai-", "pplx-", "nvapi-")),
    *(ALNUM.map(f"{start}{{}}".format) for start in ("pypi-", "ya29.", "GOCSPX-", "hvs.")),
    st.text("ABCDEFGH234567", min_size=16, max_size=16).map("AKIA{}".format),
    st.tuples(ALNUM, ALNUM, ALNUM).map(lambda parts: "eyJ" + ".".join(parts)),
)
"""What looks like a token by itself."""

PASSWORDS = st.text("abcdefgh-_XYZ*!?/+ 0123456789", min_size=10, max_size=30).map(lambda text: f"q{text.strip()}Zq")
"""What is a secret only because of where it stands."""

CONTEXTS = [
    "{}",
    "using {} now",
    "Authorization: Bearer {}",
    "https://me:{}@host/x",
    "token={}",
    "password: {}",
    "('{}')",
]


def forms(*reports: Any) -> str:
    """Every form that is written, and as a reader sees it: without entities and what cannot be seen."""
    written = [markdown(reports), html(reports), document_text(reports)]
    seen = [unescape(text).replace("\u2060", "") for text in written]
    return "\n".join([*written, *seen, str(json.loads(document_text(reports)))])


@settings(UNHURRIED, max_examples=60)
@given(TOKENS, st.sampled_from(CONTEXTS))
def test_tokens_in_any_text_of_a_preview_are_left_out(token: str, context: str) -> None:
    text = context.format(token)
    waiver = {"policy": "x", "reason": text, "owner": text, "expires": "2027-01-01"}
    after = inputs(text, entity(2, 6, servedName=text, model=text, version=text), waivers=[waiver])
    steps = changed(before=inputs(), after=after, reasons=("config", text))
    said = [warning(text), warning(text, steps[1]["urn"]), {"message": f"error: {text}", "severity": "error"}]
    said.append(warning(f"models.yaml:1:1: floor-zero models/chat/throughput: {text}"))
    event = {"policyName": text, "resourceUrn": component_urn("chat"), "message": text, "enforcementLevel": "mandatory"}
    report = report_on({**document(*steps, diagnostics=said), "policyEvents": [event]})
    written = forms(report)
    assert token not in written
    assert REDACTED in written


@settings(UNHURRIED, max_examples=60)
@given(PASSWORDS, st.sampled_from(["DATABRICKS_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD", "X_API_KEY", "GH_PAT"]))
def test_values_of_secret_variables_are_left_out_wherever_they_stand(password: str, variable: str) -> None:
    steps = changed(before=inputs(), after=inputs(f"a-{password}", entity(2, 6)))
    said = [warning(f"the server said: {password}!")]
    report = report_on(document(*steps, diagnostics=said), environ={variable: password})
    assert " ".join(password.split()) not in forms(report)
    assert f"the server said: {REDACTED}!" in forms(report)


@pytest.mark.parametrize(
    "where",
    [
        lambda text: {"openaiApiKeyPlaintext": text},
        lambda text: {"config": {"servedEntities": [{"externalModel": {"token": text}}]}},
        lambda text: {"auth": {SIGNATURE: SECRET, "plaintext": json.dumps(text)}},
        lambda text: {"auth": {SIGNATURE: SECRET, "value": {"deep": [text]}}},
    ],
    ids=["by its name", "by its name, deep", "marked, as in a state", "marked, as on the wire"],
)
def test_an_input_that_is_secret_is_left_out_of_other_texts_too(where: Any) -> None:
    password = "correct horse battery"
    steps = changed(before=inputs(), after=inputs("chat", entity(2, 6)))
    steps[1]["newState"]["inputs"] = where(password)
    report = report_on(document(*steps, diagnostics=[warning(f"login with {password} failed")]))
    assert password not in forms(report)
    assert f"login with {REDACTED} failed" in document_text([report])


def test_secrets_of_the_preview_are_left_out_of_its_event_log() -> None:
    password = "correct horse battery"
    steps = changed(before=inputs(), after=inputs("chat", entity(2, 6)))
    steps[1]["newState"]["inputs"] = {"tokenPlaintext": password}
    event = {"policyName": "p", "resourceUrn": "", "message": f"d\nuses {password}", "enforcementLevel": "advisory"}
    log = json.dumps({"policyEvent": event})
    (report,) = load_reports(
        [Given("p.json", json.dumps(document(*steps)))], [Given("e", log)], environ={}, thresholds=Thresholds()
    )
    assert [one.text for one in report.findings] == [f"uses {REDACTED}"]


@pytest.mark.parametrize(
    "text",
    [
        "1,960 to 3,920 tokens/s",
        "tokens_per_second: 1961 is not a multiple of 980",
        "openai_api_key: {{secrets/scope/key}}",
        "maxTokens=500",
        "system.ai.llama_v3_3_70b_instruct",
        "https://workspace.example.com/serving-endpoints/chat/invocations",
        "the token has expired",
        "monkey: business1",
        "sort_key: name1",
        "https://a.example/?design=abcdefghijklmnopqrstu",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert redactor(())(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("password=hunter22, user=me", "password=[redacted], user=me"),
        ('"client_secret": "abcd-efgh"', '"client_secret": "[redacted]"'),
        ("https://me:abcd@host/x", "https://[redacted]@host/x"),
        ("Basic YWJjOmRlZg==", "Basic [redacted]"),
        ("x-api-key: abcd1234", "x-api-key: [redacted]"),
        ("AccountName=a;AccountKey=abcd+/1==;", "AccountName=a;AccountKey=[redacted];"),
        ("Ocp-Apim-Subscription-Key: 0123456f", "Ocp-Apim-Subscription-Key: [redacted]"),
        ("https://a.example/b?sv=1&sig=ab%2Bcdefghijklmno&se=2", "https://a.example/b?sv=1&sig=[redacted]&se=2"),
        ("https://a.example/?X-Amz-Signature=0123456789abcdef01", "https://a.example/?X-Amz-Signature=[redacted]"),
    ],
)
def test_a_name_stays_and_its_value_goes(text: str, left: str) -> None:
    assert redactor(())(text) == left


def test_a_known_secret_is_found_in_its_written_forms_too() -> None:
    redact = redactor(['pass"word/1'])
    assert redact('got pass"word/1') == f"got {REDACTED}"
    assert redact("?p=pass%22word%2F1") == f"?p={REDACTED}"
    assert redact('{"x": "pass\\"word/1"}') == f'{{"x": "{REDACTED}"}}'


def test_short_values_are_not_searched_for() -> None:
    """Else a variable TOKEN=chat would blacken every name with chat in it."""
    assert redactor(["chat"])("support-chat") == "support-chat"
