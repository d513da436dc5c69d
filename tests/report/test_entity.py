import pytest

from bandplan.report.endpoint_side import Entity
from bandplan.report.entity import is_traffic_moved, paired
from bandplan.report.rollout import in_place


def served(name: str, model: str = "ml.chat.llama", version: str = "1", low: int = 1, **kwargs: int) -> Entity:
    sizes = {"floor_tokens_per_second": low * 980, "ceiling_tokens_per_second": (low + 1) * 980}
    return Entity(name, model, version, **{"traffic_percent": 100, **sizes, **kwargs})


def named(pairs: object) -> list[tuple[str | None, str | None]]:
    return [(pair.old and pair.old.served_name, pair.new and pair.new.served_name) for pair in pairs]  # type: ignore[attr-defined]


def test_entities_with_the_same_name_belong_together_in_any_order() -> None:
    before = [served("current", version="1"), served("candidate", version="2")]
    after = [served("candidate", version="3"), served("current", version="1")]
    pairs = paired(before, after)
    assert named(pairs) == [("candidate", "candidate"), ("current", "current")]
    assert [pair.is_other_version for pair in pairs] == [True, False]


def test_a_version_bump_of_an_unnamed_entity_is_found_by_its_model() -> None:
    """Its name holds the version: llama-1 becomes llama-2."""
    assert named(paired([served("llama-1", version="1")], [served("llama-2", version="2")])) == [("llama-1", "llama-2")]


def test_one_that_is_left_on_each_side_is_the_same_place() -> None:
    assert named(paired([served("a", model="ml.a.a")], [served("b", model="ml.b.b")])) == [("a", "b")]


def test_more_and_fewer_entities_stand_alone() -> None:
    one, two = served("a", model="ml.a.a"), served("b", model="ml.b.b")
    assert named(paired([one], [one, two])) == [("a", "a"), (None, "b")]
    assert named(paired([one, two], [one])) == [("a", "a"), ("b", None)]


def test_a_share_moves_only_where_there_are_several() -> None:
    assert not is_traffic_moved(paired([served("a")], [served("a")]))
    before = [served("a", traffic_percent=90), served("b", traffic_percent=10)]
    after = [served("a", traffic_percent=50), served("b", traffic_percent=50)]
    assert is_traffic_moved(paired(before, after))


def test_an_update_needs_old_and_new_of_what_changes_and_nothing_of_what_stays() -> None:
    stays, moves = served("a", low=10), served("b", version="1", low=2)
    rollout = in_place(paired([stays, moves], [stays, served("b", version="2", low=3)]))
    assert rollout.kind == "in_place"
    assert rollout.consequence == "old + new at the same time: 1,960 + 2,940 tokens/s (floors)"  # 2 x 980 + 3 x 980


def test_another_split_of_the_traffic_needs_no_capacity() -> None:
    before = [served("a", traffic_percent=90), served("b", traffic_percent=10)]
    after = [served("a", traffic_percent=50), served("b", traffic_percent=50)]
    assert in_place(paired(before, after)).kind == "same_capacity"


@pytest.mark.parametrize(("added", "told"), [(1, "starts 1 more entity"), (2, "starts 2 more entities")])
def test_entities_that_are_added_beside_others_are_brought_up(added: int, told: str) -> None:
    stays = served("a", model="ml.a.a")
    new = [served(f"n{index}", model=f"ml.n.n{index}") for index in range(added)]
    assert in_place(paired([stays], [stays, *new])).consequence == told


def test_a_floor_that_is_not_known_yet_is_not_0() -> None:
    new = Entity("a", "ml.a.a", min_bands=1, max_bands=2)
    told = in_place(paired([served("a", low=2)], [new])).consequence
    assert told == "old + new at the same time: 1,960 + (not known yet) tokens/s (floors)"  # 2 x 980


def test_model_units_of_old_and_new_are_told_too() -> None:
    old = Entity("a", "ml.a.a", "1", model_units=50)
    new = Entity("a", "ml.a.a", "1", model_units=100)
    assert in_place(paired([old], [new])).consequence == "old + new at the same time: 50 + 100 model units"
