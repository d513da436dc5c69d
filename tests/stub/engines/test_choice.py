"""Which engine answers, and why others are passed over: the rule by itself."""

import asyncio
from dataclasses import dataclass, field

import pytest

from bandplan.stub.inference.selection.choice import Choice, PassedOver, Served, choose
from bandplan.stub.inference.selection.settings import Settings
from bandplan.stub.inference.selection.spec import EngineSpec

NO_WEIGHTS = "the version was not registered from a checkpoint, and bandplan:engines names no weights for it"
NO_URL = "no url is set in bandplan:engines"
URL = "http://127.0.0.1:8000/v1"


@dataclass
class Machine:
    """A machine on which engines lack what is stated; it remembers which it was asked about."""

    lacks: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def lack(self, kind: str, settings: Settings, weights: str | None) -> str | None:
        self.asked.append(kind)
        return self.lacks.get(kind)


def chosen(settings: Settings, served: Served = Served(), machine: Machine | None = None) -> Choice:
    return asyncio.run(choose(settings, served, machine or Machine()))


def test_nothing_named_is_simulated_without_a_word() -> None:
    assert chosen(Settings()) == Choice(EngineSpec("simulated"))


def test_auto_takes_a_configured_server_first() -> None:
    choice = chosen(Settings(engine="auto", url=URL, model="m", key_env="KEY", weights="org/name"))
    assert choice.spec == EngineSpec("openai", url=URL, model="m", key_env="KEY")
    assert choice.passed_over == ()


def test_auto_says_why_each_engine_before_the_one_that_answers_was_passed_over() -> None:
    machine = Machine({"openai": "refused the connection", "vllm": "no vllm"})
    choice = chosen(Settings(engine="auto", url=URL, weights="org/name"), machine=machine)
    assert choice.spec == EngineSpec("transformers", weights="org/name")
    assert choice.passed_over == (PassedOver("openai", "refused the connection"), PassedOver("vllm", "no vllm"))


def test_auto_is_simulated_at_last() -> None:
    machine = Machine({"vllm": "no GPU", "transformers": "no torch"})
    choice = chosen(Settings(engine="auto", weights="org/name"), machine=machine)
    assert choice.spec.kind == "simulated"
    assert [one.reason for one in choice.passed_over] == [NO_URL, "no GPU", "no torch"]


def test_what_is_not_configured_is_passed_over_without_looking_at_the_machine() -> None:
    machine = Machine()
    choice = chosen(Settings(engine="auto"), machine=machine)
    assert [one.reason for one in choice.passed_over] == [NO_URL, NO_WEIGHTS, NO_WEIGHTS]
    assert machine.asked == []


@pytest.mark.parametrize("kind", ["vllm", "transformers"])
def test_endpoint_without_weights_stays_simulated(kind: str) -> None:
    choice = chosen(Settings(engine=kind))
    assert (choice.spec.kind, choice.passed_over) == ("simulated", (PassedOver(kind, NO_WEIGHTS),))


def test_server_that_was_named_without_a_url_is_an_error_of_its_engine_and_nothing_simulated() -> None:
    assert chosen(Settings(engine="openai", weights="org/name")).spec == EngineSpec("openai")


def test_engine_that_was_named_is_not_replaced_by_another() -> None:
    machine = Machine({"vllm": "no vllm"})
    choice = chosen(Settings(engine="vllm", weights="org/name", url=URL), machine=machine)
    assert (choice.spec.kind, machine.asked) == ("vllm", [])


def test_version_that_was_registered_serves_its_own_checkpoint_whatever_weights_are_named() -> None:
    served = Served(checkpoint="/files/model", tokenizer="/files/components/tokenizer", version="ml.chat.a v1")
    choice = chosen(Settings(engine="vllm", weights="org/name", random=True), served)
    assert choice.spec == EngineSpec("vllm", weights="/files/model", tokenizer="/files/components/tokenizer")
    assert choice.spec.shown_weights == "ml.chat.a v1"
    assert choice.remarks == ("weights org/name are not used: the version was registered from a checkpoint",)


def test_weights_that_no_engine_loads_are_remarked() -> None:
    assert chosen(Settings(weights="org/name")).remarks == (
        "weights org/name are not used: start the workspace with --engine auto",
    )


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        (Settings(engine="openai", url=URL), URL),
        (Settings(engine="openai", url=URL, model="m"), f"m at {URL}"),
        (Settings(engine="vllm", weights="org/name"), "org/name"),
        (Settings(engine="vllm", weights="org/name", random=True), "random weights of org/name"),
        (Settings(), None),
    ],
)
def test_weights_are_shown_as_people_know_them(settings: Settings, shown: str | None) -> None:
    assert chosen(settings).spec.shown_weights == shown


def test_equal_settings_of_two_endpoints_share_one_engine_even_under_other_titles() -> None:
    one, two = (
        chosen(Settings(engine="vllm"), Served(checkpoint="/files/model", version=title)).spec for title in "ab"
    )
    assert one == two and hash(one) == hash(two)


def test_settings_of_an_endpoint_complete_those_of_its_model_and_of_all() -> None:
    own, of_model = Settings(weights="own"), Settings(weights="model", context_tokens=1)
    of_all = Settings(engine="auto", context_tokens=2, random=True)
    assert own.over(of_model).over(of_all) == Settings(engine="auto", weights="own", context_tokens=1, random=True)


def test_false_is_stated_and_not_left_out() -> None:
    assert Settings(random=False).over(Settings(random=True)).random is False
