import pytest

from bandplan.serving.endpoint.readiness import EntityFailure, Failed, Ready, Waiting, assess
from tests.endpoint.builders import live, live_config, live_served


def test_ready_not_updating_and_every_entity_deployed_is_ready() -> None:
    assert assess(live(config=live_config(live_served("a"), live_served("b"), version=7))) == Ready(7)


@pytest.mark.parametrize("deployment", ["DEPLOYMENT_CREATING", "DEPLOYMENT_RECOVERING"])
def test_one_entity_that_is_not_deployed_keeps_the_endpoint_waiting(deployment: str) -> None:
    """The published provider stops here, as config_update is NOT_UPDATING."""
    verdict = assess(live(config=live_config(live_served("a"), live_served("b", deployment, message="pulling image"))))
    assert isinstance(verdict, Waiting)
    assert verdict.text == f"endpoint READY, 1 of 2 entities deployed; b {deployment}: pulling image"


def test_not_updating_and_not_ready_is_waiting() -> None:
    assert isinstance(assess(live(state={"ready": "NOT_READY"})), Waiting)


def test_an_update_under_way_is_waiting_and_tells_of_the_new_config() -> None:
    verdict = assess(
        live(
            state={"config_update": "IN_PROGRESS"},
            pending_config=live_config(live_served("new-2", "DEPLOYMENT_CREATING"), version=2),
        )
    )
    assert isinstance(verdict, Waiting)
    assert verdict.text == "update in progress, 0 of 1 entities deployed; new-2 DEPLOYMENT_CREATING"


def test_the_first_deployment_has_no_config_yet() -> None:
    first = live(state={"ready": "NOT_READY", "config_update": "IN_PROGRESS"}, config=None)
    assert isinstance(assess(first), Waiting)


@pytest.mark.parametrize("word", ["UPDATE_FAILED", "UPDATE_CANCELED"])
def test_a_failed_update_gives_the_reason_of_each_entity(word: str) -> None:
    verdict = assess(
        live(
            state={"config_update": word},
            pending_config=live_config(
                live_served("a", "DEPLOYMENT_FAILED", message="no GPU"),
                live_served("b", "DEPLOYMENT_ABORTED"),
                version=2,
            ),
        )
    )
    assert verdict == Failed(
        word,
        (EntityFailure("a", "DEPLOYMENT_FAILED", "no GPU"), EntityFailure("b", "DEPLOYMENT_ABORTED", "")),
        still_serves=True,
    )


def test_a_failed_first_deployment_serves_nothing() -> None:
    verdict = assess(live(state={"ready": "NOT_READY", "config_update": "UPDATE_FAILED"}, config=None))
    assert isinstance(verdict, Failed) and not verdict.still_serves


def test_an_entity_that_fails_after_the_update_is_a_failure() -> None:
    verdict = assess(live(config=live_config(live_served("a", "DEPLOYMENT_FAILED", message="crash loop"))))
    assert isinstance(verdict, Failed)
    assert verdict.entities == (EntityFailure("a", "DEPLOYMENT_FAILED", "crash loop"),)


def test_an_endpoint_without_entities_never_becomes_ready() -> None:
    assert isinstance(assess(live(state={"ready": "NOT_READY"}, config=None)), Failed)


def test_an_unknown_state_is_waited_for_and_shown() -> None:
    verdict = assess(live(state={"config_update": "PAUSED"}))
    assert isinstance(verdict, Waiting) and "'PAUSED'" in verdict.text
