"""Aliases that entries follow."""

from bandplan.serving.throughput.aliases import followed, following_problems, pinned
from bandplan.serving.throughput.model_versions import model_versions
from bandplan.serving.throughput.optimization_info import ModelVersion, Unavailable
from bandplan.serving.throughput.registration_rules import placing_problems
from bandplan.serving.throughput.registrations import planned_models
from bandplan.serving.throughput.registry_answers import Absent, ModelAlias
from bandplan.serving.throughput.sizing import size

from .conftest import BANDS_980, Size, entry, only, only_problem
from .test_registrations import fleet_of

FOLLOWING = "model: ml.own.new, version: {alias: champion}"
CHAMPION = ModelAlias("ml.own.new", "champion")


def test_s4_followed_alias_is_pinned_to_the_number_that_it_points_to() -> None:
    fleet, source = fleet_of(entry(model=FOLLOWING))
    assert followed(fleet) == (CHAMPION,)
    assert model_versions(fleet) == ()
    whole = pinned(fleet, {CHAMPION: "7"})
    (version,) = model_versions(whole)
    assert version == ModelVersion("ml.own.new", "7")
    (entity,) = only(size(whole, {version: BANDS_980}, source)).entities
    assert (entity.version, entity.alias, entity.min_provisioned_throughput) == ("7", "champion", 1960)


def test_served_name_of_a_followed_alias_does_not_change_when_the_alias_moves() -> None:
    fleet, _ = fleet_of(entry(model=FOLLOWING))
    names = {pinned(fleet, {CHAMPION: number}).models[0].entities[0].served_name for number in ("7", "8")}
    assert names == {"new-champion"}


def test_alias_among_several_entities_is_pinned_in_its_place() -> None:
    split = (
        "  - {name: chat, task: llm/v1/chat, entities: ["
        f"{{{FOLLOWING}, throughput: {{bands: {{min: 1, max: 2}}}}, traffic_percent: 90}}, "
        '{model: ml.own.new, version: "9", throughput: {bands: {min: 1, max: 1}}, traffic_percent: 10}]}\n'
    )
    fleet, _ = fleet_of(split)
    assert [entity.version for entity in pinned(fleet, {CHAMPION: "7"}).models[0].entities] == ["7", "9"]


def test_s4_alias_that_points_to_nothing_is_refused_where_it_is_written() -> None:
    fleet, source = fleet_of(entry(model=FOLLOWING))
    reason = "ml.own.new has no alias champion"
    (problem,) = following_problems(fleet, {CHAMPION: Unavailable(reason)}, source)
    assert (problem.id, problem.path, problem.finding) == ("S4-alias", "models/chat/version/alias", reason)
    assert following_problems(pinned(fleet, {CHAMPION: "7"}), {CHAMPION: "7"}, source) == []


def test_s5_check_of_a_followed_alias_is_deferred_until_it_is_asked(sized: Size) -> None:
    (deferred,) = only(sized(entry(model=FOLLOWING))).deferred
    assert "once the workspace has resolved the alias champion" in deferred


def test_alias_that_the_fleet_registers_itself_is_that_registration() -> None:
    registering = "register: {name: ml.own.new, source: runs:/1/model, alias: champion}"
    fleet, source = fleet_of(entry(name="follower", model=FOLLOWING), entry(name="maker", model=registering))
    assert followed(fleet) == ()
    whole = pinned(fleet, {})
    (model,) = planned_models(whole)
    (version,) = model.versions
    assert [user.name for user, _ in version.users] == ["follower", "maker"]
    follower = whole.models[0].entities[0]
    assert (follower.version, follower.alias, follower.model) == (None, "champion", "ml.own.new")
    assert following_problems(whole, {}, source) == []
    sized = size(whole, {}, source)
    assert sized.problems == ()
    assert all("has registered the version" in endpoint.deferred[0] for endpoint in sized.endpoints)


def test_fleet_that_follows_nothing_is_the_same_object() -> None:
    fleet, _ = fleet_of(entry())
    assert pinned(fleet, {}) is fleet


def test_s2_problem_of_a_registration_is_not_repeated_for_its_followers() -> None:
    registering = "register: {name: system.ai.new, source: runs:/1/model, alias: champion}"
    following = "model: system.ai.new, version: {alias: champion}"
    fleet, source = fleet_of(entry(name="follower", model=following), entry(name="maker", model=registering))
    whole = pinned(fleet, {})
    assert only_problem(size(whole, {}, source), "S2-register-system").path == "models/maker/register/name"
    (problem,) = placing_problems(whole, {"system.ai.new": Absent("schema")}, source)
    assert (problem.id, problem.path) == ("S2-schema", "models/maker/register/name")


def test_registration_that_two_entries_share_is_one_version_for_both() -> None:
    registering = "register: {name: ml.own.new, source: runs:/1/model}"
    fleet, source = fleet_of(entry(name="one", model=registering), entry(name="two", model=registering))
    assert size(fleet, {}, source).problems == ()
    other_task, source = fleet_of(
        entry(name="one", model=registering), entry(name="two", model=registering, task="llm/v1/completions")
    )
    assert only_problem(size(other_task, {}, source), "register-conflict").path == "models/two/register"


def test_alias_that_the_workspace_does_not_tell_stays_as_it_is() -> None:
    fleet, _ = fleet_of(entry(model=FOLLOWING))
    assert pinned(fleet, {CHAMPION: Unavailable("busy")}).models == fleet.models == pinned(fleet, {}).models
