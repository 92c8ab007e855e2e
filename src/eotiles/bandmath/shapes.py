"""Shapes that are compiled: now for those who wait, in the background for those who do not, never more than a few."""

from __future__ import annotations

import atexit
import logging
import threading
from collections import OrderedDict
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue

from eotiles.bandmath.loops import Loop, compile_shape, interpret_shape
from eotiles.bandmath.program import Shape

SHAPES_MAX = 64
"""Shapes that a process compiles in its life. LLVM never gives code back, about 1 MB a shape, so a cache that evicts
would bound nothing; what comes later stays on the machine: the same bytes, at half the speed."""

USES_BEFORE_COMPILING = 3
"""Runs on the machine before a shape is compiled in the background, so that what is asked once costs no compiling."""

WAITING_MAX = 512
"""Shapes whose uses are counted; of more, those that were used longest ago are forgotten."""

STOP_S = 10.0
"""How long the end of a process waits for the shape that is being compiled: LLVM must not be torn down beneath it."""

_log = logging.getLogger(__name__)


class Shapes:
    """Compiled shapes, at most `capacity` of them, each compiled once however many threads ask."""

    def __init__(self, capacity: int, *, uses: int = USES_BEFORE_COMPILING) -> None:
        self.capacity = capacity
        self.uses = uses
        self._lock = threading.Lock()
        self._compiled: dict[Shape, Future[Loop]] = {}
        self._waiting: OrderedDict[Shape, int] = OrderedDict()
        self._queue: SimpleQueue[Shape | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._compiled)

    def compiled(self, shape: Shape) -> Loop | None:
        """The compiled shape, waiting for the thread that compiles it; None where no room is left."""
        future, mine = self._claim(shape)
        if future is None:
            return None
        if mine:
            self._compile(shape, future)
        return future.result()

    def ready(self, shape: Shape) -> Loop | None:
        """The compiled shape if it is there; never waits."""
        future = self._compiled.get(shape)
        if future is None or not future.done() or future.exception() is not None:
            return None
        return future.result()

    def count(self, shape: Shape) -> None:
        """Notes a run on the machine; at the last of `uses` the shape is handed to the background."""
        with self._lock:
            if shape in self._compiled or len(self._compiled) >= self.capacity:
                return
            uses = self._waiting[shape] = self._waiting.pop(shape, 0) + 1
            if len(self._waiting) > WAITING_MAX:
                self._waiting.popitem(last=False)
            if uses != self.uses or len(self) + self._queue.qsize() >= self.capacity:
                return
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="eotiles-compile", daemon=True
                )
                self._thread.start()
                atexit.register(self.stop)
        self._queue.put(shape)

    def stop(self) -> None:
        """Ends the background after the shape at hand."""
        thread = self._thread
        if thread is None:
            return
        with suppress(Exception):
            while True:
                self._queue.get_nowait()
        self._queue.put(None)
        thread.join(STOP_S)

    def _claim(self, shape: Shape) -> tuple[Future[Loop] | None, bool]:
        """The future of a shape and whether the caller is to fill it; None where no room is left."""
        with self._lock:
            if (future := self._compiled.get(shape)) is not None:
                return future, False
            if len(self._compiled) >= self.capacity:
                return None, False
            future = self._compiled[shape] = Future()
            return future, True

    def _compile(self, shape: Shape, future: Future[Loop]) -> None:
        try:
            future.set_result(compile_shape(shape))
        except BaseException as error:
            with self._lock:
                del self._compiled[shape]
            future.set_exception(error)

    def _work(self) -> None:
        while (shape := self._queue.get()) is not None:
            future, mine = self._claim(shape)
            if future is not None and mine:
                self._compile(shape, future)
                if (error := future.exception()) is not None:
                    _log.error("a shape could not be compiled", exc_info=error)


class Interpreted:
    """A shape on the machine until its compiled loop is there. Safe to share between threads."""

    def __init__(self, shape: Shape, shapes: Shapes) -> None:
        self._shape = shape
        self._shapes = shapes
        self._machine: Loop | None = None
        self._compiled: Loop | None = None

    def loop(self) -> Loop:
        """What runs now; each call that gets the machine counts as a use."""
        if self._compiled is None:
            self._compiled = self._shapes.ready(self._shape)
        if self._compiled is None:
            self._shapes.count(self._shape)
            if self._machine is None:  # a shape that is compiled already never waits for it
                self._machine = interpret_shape(self._shape)
            return self._machine
        return self._compiled
