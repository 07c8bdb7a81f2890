"""An HTTP/1.1 parser that knows how much of a body is still to come."""

import h11


class CountedConnection(h11.Connection):
    """One side of a connection."""

    rest = 0
    """Bytes of the present body that have not come yet, where its head has announced a length."""

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """What comes next of what was received."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self.rest = int(dict(event.headers).get(b"content-length", 0))
        elif isinstance(event, h11.Data):
            self.rest -= len(event.data)
        return event
