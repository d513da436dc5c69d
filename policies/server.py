"""The pack as a plugin of the Pulumi CLI: Pulumi's `Analyzer` protocol over gRPC, nothing but translation.

Not Pulumi's policy SDK for Python: with it a violation has the level of its rule, and a waived one could not be
reported as an advisory line under the rule's own name (docs/decisions/0005-policies.md).
Source: proto/pulumi/analyzer.proto in github.com/pulumi/pulumi (read 2026-11).
"""

import sys
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2, json_format

from bandplan.policies.analyzer import Analyzer
from bandplan.policies.configuration import configured
from bandplan.policies.errors import BadConfiguration
from bandplan.policies.finding import Violation
from bandplan.policies.own import project_of, rules_of
from bandplan.policies.pack import NAME, VERSION
from bandplan.policies.pulumi_internals import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2
from bandplan.wire.visible import visible

LARGEST_MESSAGE_BYTES: Final = 400 * 1024 * 1024
"""The limit of Pulumi's own SDKs; a whole stack is one message."""

_LEVELS: Final = {
    "advisory": analyzer_pb2.ADVISORY,
    "mandatory": analyzer_pb2.MANDATORY,
    "disabled": analyzer_pb2.DISABLED,
    "remediate": analyzer_pb2.REMEDIATE,
}
_NAMES: Final = {number: name for name, number in _LEVELS.items()}


class Servicer(analyzer_pb2_grpc.AnalyzerServicer):
    """Answers the engine, which does not need the calls that are missing here (`Remediate`, `ConfigureStack`)."""

    def __init__(self, pack: Path, today: date) -> None:
        """Set the pack's folder until the engine reports where it is. Errors: BadConfiguration."""
        self._today = today
        self._open(pack)

    def _open(self, pack: Path) -> None:
        """Load the rules of the project that the pack is in."""
        self._root = project_of(pack)
        self._rules = rules_of(self._root)
        self._analyzer = Analyzer(configured(self._rules, None), self._root, self._today)

    def Handshake(self, request: Any, context: Any) -> Any:
        """Record where the engine says the pack is: in the project's folder."""
        if request.root_directory:
            try:
                self._open(Path(request.root_directory))
            except BadConfiguration as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:
        """Return the pack's version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetAnalyzerInfo(self, _request: Any, _context: Any) -> Any:
        """Return every rule, with its level and the JSON Schema of its properties."""
        return analyzer_pb2.AnalyzerInfo(
            name=NAME, version=VERSION, supportsConfig=True, policies=[_information(rule) for rule in self._rules]
        )

    def Configure(self, request: Any, context: Any) -> Any:
        """Apply the configuration that the engine has merged with the defaults."""
        document = {
            name: {"enforcementLevel": _NAMES[one.enforcementLevel], **json_format.MessageToDict(one.properties)}
            for name, one in request.policyConfig.items()
        }
        try:
            self._analyzer = Analyzer(configured(self._rules, document), self._root, self._today)
        except BadConfiguration as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return empty_pb2.Empty()

    def Analyze(self, request: Any, _context: Any) -> Any:
        """Check one resource's inputs."""
        if request.type not in Analyzer.types:
            return analyzer_pb2.AnalyzeResponse()
        properties = json_format.MessageToDict(request.properties)
        return _answer(self._analyzer.analyze(request.urn, request.type, request.name, properties))

    def AnalyzeStack(self, request: Any, _context: Any) -> Any:
        """Check the outputs of the whole stack."""
        resources = [
            (one.urn, one.type, json_format.MessageToDict(one.properties))
            for one in request.resources
            if one.type in Analyzer.stack_types
        ]
        return _answer(self._analyzer.analyze_stack(resources))


def start(pack: Path, today: date) -> tuple[grpc.Server, int]:
    """Start a server on a free loopback port for the pack in that folder; return it and the port.

    Errors: BadConfiguration.
    """
    options = [("grpc.max_receive_message_length", LARGEST_MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=options)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Servicer(pack, today), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def serve(pack: Path) -> None:
    """Serve until the engine ends this process; the port goes to stdout, as in every plugin.

    Own rules that cannot be used end it with the reasons.
    """
    try:
        server, port = start(pack, date.today())
    except BadConfiguration as error:
        sys.exit(str(error))
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop(0)


def _answer(violations: Iterable[Violation]) -> Any:
    return analyzer_pb2.AnalyzeResponse(
        diagnostics=[
            analyzer_pb2.AnalyzeDiagnostic(
                policyName=one.policy,
                policyPackName=NAME,
                policyPackVersion=VERSION,
                description=one.message.partition("\n")[0],
                message=visible(one.message),  # the engine writes it to the terminal unchanged
                enforcementLevel=_LEVELS[one.level],
                urn=one.urn,
            )
            for one in violations
        ]
    )


def _information(rule: Any) -> Any:
    schema = analyzer_pb2.PolicyConfigSchema()
    schema.properties.update(_plain(rule.properties))
    return analyzer_pb2.PolicyInfo(
        name=rule.id, description=rule.description, enforcementLevel=_LEVELS[rule.level], configSchema=schema
    )


def _plain(value: Any) -> Any:
    """Convert mappings and sequences to what a `Struct` accepts."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
