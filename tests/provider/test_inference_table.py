"""An inference table keeps the name that it was enabled with, until it is disabled."""

from typing import Any

import pytest

from bandplan.plugin.errors import ProviderError
from bandplan.serving.endpoint.inference_table import renamed_while_enabled
from tests.endpoint.builders import declaration
from tests.provider.workbench import Workbench

TABLE = {"enabled": True, "catalogName": "main", "schemaName": "default", "tableNamePrefix": "sonnet"}
LIVE = {"enabled": True, "catalog_name": "main", "schema_name": "default", "table_name_prefix": "sonnet"}


def gateway(**changes: Any) -> dict[str, Any]:
    return {"inferenceTableConfig": {key: value for key, value in {**TABLE, **changes}.items() if value is not None}}


def changed(old: Any, new: Any, **live: Any) -> list[Any]:
    return [one.path[-1] for one in renamed_while_enabled(old, new, {"inference_table_config": {**LIVE, **live}})]


@pytest.mark.parametrize("name", ["catalogName", "schemaName", "tableNamePrefix"])
def test_each_name_is_kept_while_the_table_is_enabled(name: str) -> None:
    assert changed(gateway(), gateway(**{name: "other"})) == [name]
    assert changed(gateway(), gateway(**{name: "other"}, enabled=False)) == [name]
    assert changed(gateway(), gateway(**{name: "other"}), enabled=False) == []
    assert changed(gateway(), gateway()) == []


def test_prefix_that_is_stated_no_more_is_a_change_and_one_that_the_platform_filled_in_is_none() -> None:
    assert changed(gateway(), gateway(tableNamePrefix=None)) == ["tableNamePrefix"]
    assert changed(gateway(tableNamePrefix=None), gateway(tableNamePrefix=None), table_name_prefix="chat") == []


def test_prefix_that_the_enabled_table_lacks_is_not_added() -> None:
    bare = gateway(tableNamePrefix=None)
    for live in (None, ""):
        assert changed(bare, gateway(), table_name_prefix=live) == ["tableNamePrefix"]
        assert changed(bare, bare, table_name_prefix=live) == []
        assert changed(bare, gateway(), table_name_prefix=live, enabled=False) == []


@pytest.mark.parametrize("new", [None, {}, {"usageTrackingConfig": {"enabled": True}}])
def test_table_that_is_not_stated_is_not_judged(new: Any) -> None:
    assert changed(gateway(), new) == []


def test_table_that_the_endpoint_lacks_may_have_any_name() -> None:
    assert renamed_while_enabled(None, gateway(), {}) == ()


def test_renamed_table_is_refused_at_the_preview_with_the_two_deployments_to_make(bench: Workbench) -> None:
    bench.make_endpoint(ai_gateway={"inference_table_config": LIVE})
    before = bench.create(bench.inputs(declared=declaration(aiGateway=gateway())))
    wanted = bench.inputs(declared=declaration(aiGateway=gateway(tableNamePrefix="sonnet2")))
    with pytest.raises(
        ProviderError, match=r"'sonnet' to 'sonnet2'.*Nothing was changed.*`enabled: false`.*`enabled: true`"
    ):
        bench.diff(before, wanted)

    disabled = bench.inputs(declared=declaration(aiGateway=gateway(enabled=False)))
    after = bench.update(before, disabled)
    enabled = bench.update(after, wanted)
    assert bench.live().ai_gateway["inference_table_config"]["table_name_prefix"] == "sonnet2"
    assert not bench.diff(enabled, wanted).changes


def test_prefix_added_to_an_enabled_table_is_refused_at_the_preview(bench: Workbench) -> None:
    bare = {key: value for key, value in LIVE.items() if key != "table_name_prefix"}
    bench.make_endpoint(ai_gateway={"inference_table_config": bare})
    before = bench.create(bench.inputs(declared=declaration(aiGateway=gateway(tableNamePrefix=None))))
    with pytest.raises(ProviderError, match="table_name_prefix from the platform's own to 'sonnet'"):
        bench.diff(before, bench.inputs(declared=declaration(aiGateway=gateway())))
