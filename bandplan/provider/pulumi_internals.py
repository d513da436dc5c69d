"""What our provider relies on in the Pulumi SDK beyond its public API: the protobuf messages of the engine's log.

Imported only where a line is logged: a provider without messages does not pay for it.
"""

from typing import Final

from pulumi.runtime.proto import engine_pb2 as engine_pb2
from pulumi.runtime.proto import engine_pb2_grpc as engine_pb2_grpc

CHECKED_AGAINST: Final = "3.272.0"
