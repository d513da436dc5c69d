"""The pack behind Pulumi's protocol: the same violations as in process, over real gRPC."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from bandplan.policies.pack import RULES
from bandplan.policies.server import start
from bandplan.wire.types import ENDPOINT, FLEET
from tests.policies.builders import FLEET_URN, TODAY, URN, band, endpoint, share, waiver


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    server, port = start(Path("elsewhere/policies"), TODAY)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield analyzer_pb2_grpc.AnalyzerStub(channel)
    server.stop(None)


def struct(properties: dict[str, Any]) -> struct_pb2.Struct:
    found = struct_pb2.Struct()
    found.update(properties)
    return found


def configure(engine: Any, rule: str, level: int, **properties: Any) -> None:
    off = {other.id: analyzer_pb2.PolicyConfig(enforcementLevel=analyzer_pb2.DISABLED) for other in RULES}
    on = {rule: analyzer_pb2.PolicyConfig(enforcementLevel=level, properties=struct(properties))}
    engine.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig={**off, **on}))


def test_engine_is_told_every_rule_with_level_and_schema(engine: Any) -> None:
    info = engine.GetAnalyzerInfo(empty_pb2.Empty())
    assert info.name == "bandplan-policies" and info.supportsConfig
    assert [policy.name for policy in info.policies] == [rule.id for rule in RULES]
    first = info.policies[0]
    assert first.enforcementLevel == analyzer_pb2.MANDATORY
    assert first.configSchema.properties["headroom_percent"]["default"] == 20


def test_violation_has_the_level_of_its_rule_and_a_waived_one_is_advisory(engine: Any) -> None:
    configure(engine, "over-provisioned", analyzer_pb2.MANDATORY, headroom_percent=20.0)
    inputs = endpoint(band(2, 6), demandTokensPerSecond=2800)
    request = analyzer_pb2.AnalyzeRequest(type=ENDPOINT, urn=URN, name="support-chat", properties=struct(inputs))
    (found,) = engine.Analyze(request).diagnostics
    assert (found.policyName, found.enforcementLevel, found.urn) == ("over-provisioned", analyzer_pb2.MANDATORY, URN)
    assert found.message.startswith(f"{found.description}\nceiling 5,880 tokens/s is 2.1 times")
    waived = {**inputs, "waivers": [waiver("over-provisioned", "2026-12-31")]}
    request = analyzer_pb2.AnalyzeRequest(type=ENDPOINT, urn=URN, name="support-chat", properties=struct(waived))
    (found,) = engine.Analyze(request).diagnostics
    assert (found.policyName, found.enforcementLevel) == ("over-provisioned", analyzer_pb2.ADVISORY)


def test_files_are_those_of_the_project_that_the_pack_lies_in(engine: Any, tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(
        "version: 1\ncurrency: EUR\nprices: [{family: bands, per_hour: 5, chunks: 1}]\n"
    )
    engine.Handshake(analyzer_pb2.AnalyzerHandshakeRequest(root_directory=str(tmp_path / "policies")))
    configure(engine, "money-budget", analyzer_pb2.MANDATORY, prices="prices.yaml", per_hour=9.0)
    fleet = analyzer_pb2.AnalyzerResource(type=FLEET, urn=FLEET_URN, properties=struct({"capacity": [share()]}))
    (found,) = engine.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=[fleet])).diagnostics
    assert "at the ceilings 10.00 EUR an hour" in found.message
    assert found.urn == FLEET_URN


def test_configuration_that_cannot_be_used_is_refused_with_the_reason(engine: Any) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        configure(engine, "over-provisioned", analyzer_pb2.REMEDIATE)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "no rule of this pack changes a resource" in refused.value.details()


def test_resources_that_no_rule_is_about_are_let_through_unread(engine: Any) -> None:
    request = analyzer_pb2.AnalyzeRequest(type="databricks:index/modelServing:ModelServing", urn="urn", name="x")
    assert list(engine.Analyze(request).diagnostics) == []


def test_what_pulumi_writes_to_the_terminal_steers_nothing(engine: Any) -> None:
    """It writes messages as they are; the reason of a waiver is anybody's text."""
    configure(engine, "over-provisioned", analyzer_pb2.MANDATORY, headroom_percent=20.0)
    reason = {**waiver("over-provisioned", "2026-12-31"), "reason": "\x1b[2J\u202egnp\x9b31m"}
    inputs = {**endpoint(band(2, 6), demandTokensPerSecond=2800), "waivers": [reason]}
    request = analyzer_pb2.AnalyzeRequest(type=ENDPOINT, urn=URN, name="support-chat", properties=struct(inputs))
    (found,) = engine.Analyze(request).diagnostics
    assert found.message.endswith(r"\u001b[2J\u202egnp\u009b31m")
