"""An HTTP/1.1 parser that knows how much of a body is still to come."""

import h11


class CountedConnection(h11.Connection):
    """One side of a connection."""

    _request: h11.Request
    _taken = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """What comes next of what was received."""
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._taken += len(event.data)
        elif isinstance(event, h11.Request):
            self._request, self._taken = event, 0
        return event

    def rest(self) -> int:
        """Bytes of the present body that are still to come, if its head has announced a length."""
        return int(dict(self._request.headers)[b"content-length"]) - self._taken
