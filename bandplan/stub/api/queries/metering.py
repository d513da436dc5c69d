"""What surrounds every query: rate limits and capacity before it, counts for the metrics after it."""

import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from bandplan.stub.api.answers import STATUS_BY_CODE
from bandplan.stub.api.connections import arrived_at
from bandplan.stub.api.queries.admissions import Admissions
from bandplan.stub.api.queries.assignments import Assignments
from bandplan.stub.api.queries.disconnects import ABANDONED, Disconnected, while_connected
from bandplan.stub.api.queries.engine_errors import as_refusal
from bandplan.stub.api.queries.passage import Passage
from bandplan.stub.api.queries.provisioned_engine import ProvisionedEngine
from bandplan.stub.api.queries.streams import FAILED, Stream
from bandplan.stub.inference.engine import Engine
from bandplan.stub.inference.errors import EngineError
from bandplan.stub.state.limits import Limits
from bandplan.stub.state.refusals import Refusal
from bandplan.stub.state.serving.configuration import ServedEntity
from bandplan.stub.state.serving.endpoint import Endpoint
from bandplan.stub.state.serving.query_counts import QueryCounts
from bandplan.stub.state.serving.rate_limits import Caller, RateLimiter, of_settings
from bandplan.stub.state.serving.service_log import ServiceLogs
from bandplan.stub.state.serving.traffic import Traffic

AnswerWith = Callable[[Engine], Awaitable[Response]]


class Metering:
    """Admit queries within the limits of their endpoint, and count each once its answer has ended."""

    def __init__(
        self,
        assignments: Assignments,
        admissions: Admissions,
        limiter: RateLimiter,
        traffic: Traffic,
        service_logs: ServiceLogs,
        caller: Caller,
    ) -> None:
        self.assignments = assignments
        self.admissions = admissions
        self.counts = QueryCounts()
        self._limiter = limiter
        self._traffic = traffic
        self._service_logs = service_logs
        self._caller = caller

    async def measure(self, request: Request, endpoint: Endpoint, entity: ServedEntity, answer: AnswerWith) -> Response:
        """Return the answer of the engine of a served entity. If the client disconnects, stop the work on it.

        Raises Forbidden, TooManyRequests and NotReady, and whatever `answer` raises.
        """
        began = time.perf_counter()
        passage: Passage | None = None
        let_go: Callable[[], None] | None = None
        waited_ms = 0.0
        self.counts.begin()

        def end(status: int, message: str | None = None) -> None:
            """End the query with its status and the reason of a failure, which a stream may meet after its status."""
            if let_go is not None:
                let_go()
            self.counts.end(status)
            tokens = 0
            if passage is not None:
                passage.end(status)
                tokens = passage.tokens
            latency_ms = (time.perf_counter() - began) * 1000
            # The platform has no such status: the query counts, as neither refused nor failed.
            shown = 200 if status == ABANDONED else status
            outcome = 500 if status == 200 and message is not None else status
            self.admissions.histories.of(endpoint.id).end(
                self.admissions.now(), outcome, latency_ms, FAILED if message is None else message
            )
            if outcome >= 400 and status != ABANDONED:
                self._service_logs.end(endpoint, entity.name, outcome, message or FAILED)
            self._traffic.record(endpoint.id, entity.name, shown, tokens, latency_ms, waited_ms)
            self._limiter.spend(endpoint.id, tokens)

        try:
            self._limiter.admit(endpoint.id, of_settings(endpoint.settings), self._caller)
            async with while_connected(request.scope, request.receive):
                engine = await self.engine(request, endpoint, entity)
                let_go = self.assignments.running.hold(engine)
                passage = await self.admissions.admit(endpoint, entity.name, arrived_at(request))
                waited_ms = (time.perf_counter() - began) * 1000
                response = await answer(ProvisionedEngine(engine, passage))
        except Refusal as refusal:
            end(STATUS_BY_CODE[refusal.error_code], refusal.message)
            raise
        except EngineError as error:
            failed = as_refusal(error)
            end(STATUS_BY_CODE[failed.error_code], failed.message)
            raise failed from error
        except Disconnected:
            end(ABANDONED)
            return Response(status_code=ABANDONED)
        except BaseException:
            end(500)
            raise
        if isinstance(response, Stream):
            response.at_end = end
        else:
            end(response.status_code)
        return response

    async def engine(self, request: Request, endpoint: Endpoint, entity: ServedEntity) -> Engine:
        """Return the engine; wait for one that starts before the query takes a place. Raises EngineUnavailable."""
        limits: Limits = request.app.state.limits
        return await self.assignments.engine(endpoint, entity, limits.execution_seconds)
