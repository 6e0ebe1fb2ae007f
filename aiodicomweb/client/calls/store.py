"""The call that stores instances (PS3.18 §10.5)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio.to_thread

from ...http import Response
from ...services import FailedInstance, StoredInstance, StoreRequest, StoreResponse
from ...services.transaction import status_error
from ..results import StoreReport
from ..sources import prepare
from .call import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ...http import Segment
    from ..session import Session
    from ..sources import Source, StoreItem

__all__ = ["StoreCall"]


class StoreCall(Call[StoredInstance | FailedInstance, StoreReport]):
    """A store; awaited, a report. Iterated, the answer's word on each instance.

    A server that refuses everything in DICOM's terms is reported, not raised: its answer names
    each instance and the reason. One that refuses in other terms raises ``StatusError``.
    """

    __slots__ = ("_items", "_make_request", "_report", "_results")

    def __init__(
        self,
        session: Session,
        items: StoreItem | Iterable[StoreItem],
        make_request: Callable[[Sequence[Segment]], StoreRequest],
    ) -> None:
        super().__init__(session)
        self._items = items
        self._make_request = make_request
        self._report: StoreReport | None = None
        self._results: Iterator[StoredInstance | FailedInstance] = iter(())

    async def _start(self) -> None:
        sources, skipped = await anyio.to_thread.run_sync(prepare, self._items)
        request = self._make_request([source.segment for source in sources]).to_http()
        incoming = await self._send(request)
        head = incoming.response
        if head.is_success:
            body = bytes(await incoming.read_all())
        else:
            body = await incoming.read_start(self._session.limits.body)
        response = Response(head.status, head.headers, body, head.reason)
        answer = StoreResponse.from_http(response)
        if not (head.is_success or answer.has_items):
            raise status_error(response, request.url.redacted(), time.time())
        self._report = StoreReport(
            answer, _unreported(sources, answer), tuple(skipped), len(sources)
        )
        self._results = iter((*answer.stored, *answer.failed))

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
