"""Drawing after events without falling behind them: what the explorers do between two sliders."""

import asyncio
from collections.abc import Callable, Iterator

from IPython import get_ipython

# Messages that the kernel holds already are read within this time, one by one. Jupyter's front end
# sends one message of a slider at a time and keeps the last value, so few are ever waiting.
_SECONDS_FOR_WAITING_EVENTS = 0.002


class Redrawing:
    """Runs a drawing on the kernel's event loop, once for all events that wait.

    Called for each event. Where a cell set the control, or no event loop runs, it draws at once:
    a cell sees what comes of it, and an error is that cell's.

    Args:
        draw: begins the drawing; a generator function that yields between two short steps, and
            with it the seconds to wait before the next. The kernel takes in events there, and any
            event makes the drawing begin anew.
    """

    def __init__(self, draw: Callable[[], Iterator[float]]):
        self._draw = draw
        self._begins = False
        self._next_step = None

    def __call__(self, event: object = None) -> None:
        loop = _running_loop()
        if loop is not None and self._begins:
            return
        if self._next_step is not None:
            self._next_step.cancel()
        self._begins = loop is not None
        if loop is None:
            for _ in self._draw():
                pass
        else:
            self._next_step = loop.call_later(_SECONDS_FOR_WAITING_EVENTS, self._begin, loop)

    def _begin(self, loop):
        self._begins = False
        self._advance(loop, self._draw())

    def _advance(self, loop, steps):
        seconds = next(steps, None)
        self._next_step = (
            None if seconds is None else loop.call_later(seconds, self._advance, loop, steps)
        )


def _running_loop():
    """The event loop that handles a message of the front end, or None where a cell is run."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel and kernel.get_parent().get("header", {}).get("msg_type") == "execute_request":
        return None
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
