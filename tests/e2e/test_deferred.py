"""A version that the deploy itself would register: previewed with its checks deferred, refused by `up` for now."""

from tests.e2e.conftest import ROOT, FleetProject


def test_s6_check_of_a_version_to_be_registered_is_deferred_and_said_and_up_makes_nothing(
    fleet: FleetProject, engine: str
) -> None:
    fleet.write_models((ROOT / "examples" / "registered.yaml").read_text())

    said = fleet.bandplan("preview", "--engine", engine)
    refused = fleet.run("up", "--engine", engine)

    assert "checked once this deploy has registered the version, before the endpoint is created" in said
    assert refused.returncode == 1
    assert "ml.search.gte_finetuned has to be registered first" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    assert fleet.endpoint_names() == set()
