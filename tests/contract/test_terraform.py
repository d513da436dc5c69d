"""Terraform (or OpenTofu) with the databricks provider: both kinds of endpoint, a model, permissions, grants.

Both are looked for on PATH; nothing is downloaded, as the provider is named by a development override.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.commands import CATALOG, SCHEMA, Command, command, found, needs
from tests.contract.target import ENDPOINTS, Target

TERRAFORM = "terraform|tofu"
PROVIDER = "terraform-provider-databricks"
pytestmark = needs(TERRAFORM, PROVIDER)


@pytest.fixture
def terraform(target: Target, tmp_path: Path) -> Iterator[Command]:
    folder = str(Path(found(PROVIDER) or "").parent)
    settings = tmp_path / "terraform.rc"
    overrides = dict.fromkeys(("databricks/databricks", "registry.opentofu.org/databricks/databricks"), folder)
    settings.write_text(
        "provider_installation {\n  dev_overrides {\n"
        + "".join(f"    {json.dumps(name)} = {json.dumps(path)}\n" for name, path in overrides.items())
        + "  }\n}\n"
    )
    made = command(
        found(*TERRAFORM.split("|")) or "",
        tmp_path,
        target,
        TF_CLI_CONFIG_FILE=str(settings),
        TF_IN_AUTOMATION="1",
        CHECKPOINT_DISABLE="1",
    )
    yield made
    if (tmp_path / "terraform.tfstate").exists():
        made.run("destroy", "-auto-approve", "-no-color")


@pytest.fixture
def write(terraform: Command, target: Target) -> Callable[..., None]:
    """Writes a program of the given resources, by type and then by name."""

    def written(**resources: Any) -> None:
        program = {
            "terraform": {"required_providers": {"databricks": {"source": "databricks/databricks"}}},
            # Without it the provider waits for ever for a workspace that is gone.
            "provider": {"databricks": {"retry_timeout_seconds": 60}},
            "resource": {f"databricks_{kind}": blocks for kind, blocks in resources.items()},
        }
        (terraform.folder / "main.tf.json").write_text(json.dumps(program))

    return written


def planned(terraform: Command) -> dict[str, str]:
    """Address -> actions, of what a plan would change."""
    done = terraform.run("plan", "-out", "plan", "-detailed-exitcode", "-input=false", "-no-color")
    assert done.returncode in (0, 2), done.stdout + done.stderr
    plan = terraform.json("show", "-json", "plan")
    changes = {
        change["address"].removeprefix("databricks_"): "+".join(change["change"]["actions"])
        for change in plan["resource_changes"]
        if change["change"]["actions"] != ["no-op"]
    }
    assert bool(changes) == (done.returncode == 2)
    return changes


def applied(terraform: Command) -> None:
    terraform.ok("apply", "-auto-approve", "-input=false", "-no-color", "plan")


def bands(target: Target, high: int) -> dict[str, Any]:
    return {"served_entities": [target.bands(high=high)]}


def test_an_endpoint_in_bands_with_permissions_from_apply_to_destroy(
    terraform: Command, write: Callable[..., None], target: Target, name: str
) -> None:
    def program(high: int, endpoint_name: str) -> None:
        gateway = {
            "usage_tracking_config": {"enabled": True},
            "rate_limits": [{"calls": 100, "key": "endpoint", "renewal_period": "minute"}],
        }
        tags = [{"key": "team", "value": "ml"}, {"key": "empty"}]
        chat = {"name": endpoint_name, "config": bands(target, high), "tags": tags, "ai_gateway": gateway}
        endpoint_id = "${databricks_model_serving.chat.serving_endpoint_id}"
        access = [{"group_name": "users", "permission_level": "CAN_QUERY"}]
        write(
            model_serving={"chat": chat},
            permissions={"chat": {"serving_endpoint_id": endpoint_id, "access_control": access}},
        )

    program(1, name)
    assert planned(terraform) == {"model_serving.chat": "create", "permissions.chat": "create"}
    applied(terraform)
    assert planned(terraform) == {}

    program(2, name)
    assert planned(terraform) == {"model_serving.chat": "update"}
    applied(terraform)
    assert planned(terraform) == {}
    served = target.ok("GET", f"{ENDPOINTS}/{name}")["config"]["served_entities"][0]
    assert served["max_provisioned_throughput"] == 2 * target.model("chat").chunk

    program(2, f"{name}-2")
    assert planned(terraform) == {"model_serving.chat": "delete+create", "permissions.chat": "delete+create"}
    applied(terraform)
    assert planned(terraform) == {}
    assert target.send("GET", f"{ENDPOINTS}/{name}").status == 404

    terraform.ok("destroy", "-auto-approve", "-no-color")
    assert target.send("GET", f"{ENDPOINTS}/{name}-2").status == 404


def test_an_endpoint_in_model_units_from_apply_to_destroy(
    terraform: Command, write: Callable[..., None], target: Target, name: str
) -> None:
    model = target.model("units")

    def program(units: int) -> None:
        entity = {
            "name": "units",
            "entity_name": model.name,
            "entity_version": model.version,
            "provisioned_model_units": units,
        }
        routes = [{"served_entity_name": "units", "traffic_percentage": 100}]
        config = {"served_entities": [entity], "traffic_config": {"routes": routes}}
        write(model_serving_provisioned_throughput={"units": {"name": name, "config": config}})

    program(50)
    assert planned(terraform) == {"model_serving_provisioned_throughput.units": "create"}
    applied(terraform)
    assert planned(terraform) == {}
    program(100)
    assert planned(terraform) == {"model_serving_provisioned_throughput.units": "update"}
    applied(terraform)
    assert planned(terraform) == {}
    served = target.ok("GET", f"{ENDPOINTS}/{name}")["config"]["served_entities"][0]
    assert served["provisioned_model_units"] == 100
    terraform.ok("destroy", "-auto-approve", "-no-color")
    assert target.send("GET", f"{ENDPOINTS}/{name}").status == 404


def test_a_registered_model_with_grants_from_apply_to_destroy(
    terraform: Command, write: Callable[..., None], target: Target, name: str
) -> None:
    model_name = name.replace("-", "_")

    def program(comment: str, *privileges: str) -> None:
        model = {"catalog_name": CATALOG, "schema_name": SCHEMA, "name": model_name, "comment": comment}
        grant = [{"principal": "account users", "privileges": list(privileges)}]
        write(
            registered_model={"tuned": model},
            grants={"tuned": {"model": "${databricks_registered_model.tuned.id}", "grant": grant}},
        )

    program("first", "EXECUTE")
    assert planned(terraform) == {"registered_model.tuned": "create", "grants.tuned": "create"}
    applied(terraform)
    assert planned(terraform) == {}
    program("second", "EXECUTE", "APPLY_TAG")
    assert planned(terraform) == {"registered_model.tuned": "update", "grants.tuned": "update"}
    applied(terraform)
    assert planned(terraform) == {}
    path = f"/api/2.1/unity-catalog/models/{CATALOG}.{SCHEMA}.{model_name}"
    assert target.ok("GET", path)["comment"] == "second"
    terraform.ok("destroy", "-auto-approve", "-no-color")
    assert target.send("GET", path).status == 404


def test_an_endpoint_that_somebody_deleted_is_planned_anew(
    terraform: Command, write: Callable[..., None], target: Target, name: str
) -> None:
    write(model_serving={"chat": {"name": name, "config": bands(target, 1)}})
    planned(terraform)
    applied(terraform)
    target.ok("DELETE", f"{ENDPOINTS}/{name}")
    assert planned(terraform) == {"model_serving.chat": "create"}
    applied(terraform)
    assert planned(terraform) == {}
    terraform.ok("destroy", "-auto-approve", "-no-color")


def test_a_band_that_is_not_a_whole_chunk_is_refused_with_the_platforms_words(
    terraform: Command, write: Callable[..., None], target: Target, name: str
) -> None:
    entity = target.bands(max_provisioned_throughput=target.model("chat").chunk + 1)
    write(model_serving={"chat": {"name": name, "config": {"served_entities": [entity]}}})
    planned(terraform)
    assert "chunk size" in terraform.refused("apply", "-auto-approve", "-no-color", "plan")
    assert target.send("GET", f"{ENDPOINTS}/{name}").status == 404


@pytest.mark.stub_only
def test_a_failed_create_is_taken_back_and_a_failed_update_is_planned_again(
    terraform: Command, write: Callable[..., None], target: Target, name: str
) -> None:
    def fails(operation: str) -> None:
        target.ok("POST", "/stub/faults", {"endpoint": name, "reason": "no GPU left", "operation": operation})
        planned(terraform)
        assert "UPDATE_FAILED" in terraform.refused("apply", "-auto-approve", "-no-color", "plan")

    write(model_serving={"chat": {"name": name, "config": bands(target, 1)}})
    fails("create")
    assert target.send("GET", f"{ENDPOINTS}/{name}").status == 404
    assert planned(terraform) == {"model_serving.chat": "create"}
    applied(terraform)

    write(model_serving={"chat": {"name": name, "config": bands(target, 2)}})
    fails("update")
    assert planned(terraform) == {"model_serving.chat": "update"}
    applied(terraform)
    assert planned(terraform) == {}
