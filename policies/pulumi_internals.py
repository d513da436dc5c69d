"""What the policy pack relies on in the Pulumi SDK beyond its public API: the messages of the `Analyzer` protocol."""

from typing import Final

from pulumi.runtime.proto import analyzer_pb2 as analyzer_pb2
from pulumi.runtime.proto import analyzer_pb2_grpc as analyzer_pb2_grpc
from pulumi.runtime.proto import plugin_pb2 as plugin_pb2

CHECKED_AGAINST: Final = "3.272.0"
