"""The call that stores instances (PS3.18 §10.5)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio.to_thread

from ...errors import DicomWebError
from ...http import Response, segment_length
from ...services import FailedInstance, StoredInstance, StoreRequest, StoreResponse
from ..ladder import Kind, is_refusal, is_verdict, with_accept
from ..patience import Patience
from ..results import StoreReport
from ..retry import Attempt
from ..sources import prepare
from .call import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ...errors import StatusError
    from ...http import Origin, Request, Segment
    from ...net import Incoming
    from ..session import Session
    from ..sources import Source, StoreItem

__all__ = ["StoreCall"]

_PERHAPS_STORED = (
    "the server answered with a success that could not be read to its end: the instances may be "
    "stored; search for them before they are sent again"
)


class StoreCall(Call[StoredInstance | FailedInstance, StoreReport]):
    """A store; awaited, a report. Iterated, the answer's word on each instance.

    A server that refuses everything in DICOM's terms is reported, not raised: its answer names
    each instance and the reason. One that refuses in other terms raises ``StatusError``.
    """

    __slots__ = ("_items", "_make_request", "_origin", "_report", "_results")

    def __init__(
        self,
        session: Session,
        items: StoreItem | Iterable[StoreItem],
        make_request: Callable[[Sequence[Segment]], StoreRequest],
        origin: Origin,
    ) -> None:
        super().__init__(session)
        self._origin = origin
        self._items = items
        self._make_request = make_request
        self._report: StoreReport | None = None
        self._results: Iterator[StoredInstance | FailedInstance] = iter(())

    async def _start(self) -> None:
        with self._begin(self._origin).whole():
            await self._store()

    async def _store(self) -> None:
        sources, skipped = await anyio.to_thread.run_sync(
            prepare, self._items, abandon_on_cancel=True
        )
        request = self._make_request([source.segment for source in sources])
        failed: list[Attempt] = []
        answer = await self._exchange(request, failed)
        reached = max((attempt.reached for attempt in failed), default=0)
        self._report = StoreReport(
            answer,
            _unreported(sources, answer),
            tuple(skipped),
            len(sources),
            _begun(sources, reached),
        )
        self._results = iter((*answer.stored, *answer.failed))

    async def _exchange(self, request: StoreRequest, failed: list[Attempt]) -> StoreResponse:
        """Send the instances; again if only the form of the answer was refused."""
        http = request.to_http()
        memory, origin, path = self._session.forms, http.url.origin, http.url.path
        usual = "Accept" not in request.headers
        now = time.monotonic()
        forms = memory.forms(origin, Kind.STORE, path, now) if usual else (http.headers["Accept"],)
        first: StatusError | None = None
        refusals: list[int] = []
        for form in forms:
            asked = with_accept(http, form)
            incoming, response = await self._answer(asked, failed)
            answer = StoreResponse.from_http(response)
            if response.is_success or answer.has_items:
                if usual:
                    memory.note(origin, Kind.STORE, path, form, refusals, time.monotonic())
                return answer
            error = self._session.refusal(incoming, response.body)
            if not is_refusal(Kind.STORE, error):
                raise error if first is None or is_verdict(error) else first
            first = first or error
            refusals.append(error.status)
            failed.append(Attempt(asked, response, incoming.sent, begun=incoming.begun))
        assert first is not None  # noqa: S101 - there is a form, and it was refused
        raise first

    async def _answer(self, request: Request, failed: list[Attempt]) -> tuple[Incoming, Response]:
        """Send a request and read its response whole, whatever its status."""
        while True:
            incoming = await self._send(request, failed)
            try:
                return incoming, await self._read(incoming)
            except DicomWebError as error:
                if not await self._repeats(request, incoming, error):
                    error.hint = _PERHAPS_STORED
                    raise
            failed.append(Attempt(request, incoming.response, incoming.sent, begun=incoming.begun))

    async def _read(self, incoming: Incoming) -> Response:
        """The whole of a response. Of one that is no success what can be had, without an error."""
        head = incoming.response
        if head.is_success:
            body = bytes(await incoming.read_all())
        else:
            # It may name each instance: content, which is worth more time than another refusal.
            body = await incoming.read_start(self._session.limits.body, "head")
        return Response(head.status, head.headers, body, head.reason)

    async def _repeats(self, request: Request, incoming: Incoming, error: DicomWebError) -> bool:
        """Wait before the store is sent again, whose answer broke off; false if it may not be."""
        session = self._session
        # A 303 said that it is done, and where the answer is (RFC 9110 §15.4.4).
        if not session.retry.stores or incoming.request.method != request.method:
            return False
        patience = Patience(session.retry, self._until(request))
        return await patience.outlasts(error, incoming)

    async def _next(self) -> StoredInstance | FailedInstance:
        for result in self._results:
            return result
        raise StopAsyncIteration

    async def _whole(self) -> StoreReport:
        assert self._report is not None  # noqa: S101 - the call was started
        return self._report


def _unreported(sources: Sequence[Source], answer: StoreResponse) -> tuple[str, ...]:
    """The UIDs that were sent and of which the answer says nothing.

    An answer without a module, such as a bare 200, says nothing of any.
    """
    mentioned = {item.sop_instance_uid for item in answer.stored}
    mentioned.update(item.sop_instance_uid for item in answer.failed)
    sent = [source.sop_instance_uid for source in sources]
    return tuple(dict.fromkeys(uid for uid in sent if uid is not None and uid not in mentioned))


def _begun(sources: Sequence[Source], octets: int) -> tuple[str, ...]:
    """The UIDs of instances that begin within the first octets of a body, or a little behind."""
    uids: dict[str, None] = {}
    offset = 0  # without what stands between instances
    for source in sources:
        if offset >= octets:
            break
        if source.sop_instance_uid is not None:
            uids[source.sop_instance_uid] = None
        offset += segment_length(source.segment)
    return tuple(uids)
