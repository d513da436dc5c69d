"""How an exception is sent to the engine: a gRPC status code, a message, and details that the engine reads."""

import logging
from dataclasses import dataclass

import grpc

from bandplan.plugin.errors import InitFailed, ProviderError
from bandplan.plugin.pulumi_internals import proto, status_pb2
from bandplan.plugin.wire import to_struct

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """`details` is a serialised google.rpc.Status, or None."""

    code: grpc.StatusCode
    message: str
    details: bytes | None = None

    @property
    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return () if self.details is None else (("grpc-status-details-bin", self.details),)


def status_of(error: BaseException, call: str) -> Status:
    """Return the status of `error`, raised by `call`. The traceback of an unexpected error goes only to the log.

    The engine shows UNKNOWN unchanged; it treats UNAVAILABLE as a dead plugin.
    """
    if isinstance(error, InitFailed):
        return Status(grpc.StatusCode.UNKNOWN, str(error), _init_failed(error))
    if isinstance(error, ProviderError):
        return Status(grpc.StatusCode.UNKNOWN, str(error))
    if isinstance(error, NotImplementedError):
        return Status(grpc.StatusCode.UNIMPLEMENTED, str(error) or f"{call} is not implemented by this provider")
    _log.error("%s failed unexpectedly", call, exc_info=error)
    return Status(
        grpc.StatusCode.INTERNAL,
        f"{call}: unexpected {type(error).__name__}: {error}; this is a bug in the provider; its log has the traceback",
    )


def _init_failed(error: InitFailed) -> bytes:
    detail = proto.ErrorResourceInitFailed(
        id=error.resource_id, properties=to_struct(error.properties), reasons=error.reasons
    )
    if error.inputs is not None:
        detail.inputs.CopyFrom(to_struct(error.inputs))
    # The code must equal that of the gRPC status, or the Go client ignores the details.
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(detail)
    return bytes(status.SerializeToString())
