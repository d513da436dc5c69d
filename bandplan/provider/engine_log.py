"""Messages for the user through the engine's log, if the engine's address is known."""

from typing import Any, Literal

from bandplan.wire.visible import visible


class EngineLog:
    """Writes to the log of the engine at `address` (host:port); each line belongs to the resource of a URN."""

    def __init__(self, address: str) -> None:
        import grpc

        from bandplan.provider.pulumi_internals import engine_pb2_grpc

        self._engine: Any = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def progress(self, urn: str, text: str) -> None:
        """Log a line that the next one for the same resource replaces."""
        self._log(urn, text, "INFO", ephemeral=True)

    def warn(self, urn: str, text: str) -> None:
        """Log a line that stays in the summary."""
        self._log(urn, text, "WARNING", ephemeral=False)

    def _log(
        self,
        urn: str,
        text: str,
        severity: Literal["INFO", "WARNING"],
        *,
        ephemeral: bool,
    ) -> None:
        import grpc

        from bandplan.provider.pulumi_internals import engine_pb2

        request = engine_pb2.LogRequest(
            severity=getattr(engine_pb2, severity),
            message=visible(text),
            urn=urn,
            ephemeral=ephemeral,
        )
        try:
            self._engine.Log(request, timeout=5)
        except grpc.RpcError:
            # A line that cannot be shown must not fail a deployment.
            return
