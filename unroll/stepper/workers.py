"""Workers: processes that answer questions within a time and a memory of their own.

What takes too long is ended from outside, whatever it does; the next question finds a new process.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

SECONDS, BYTES, WAIT = 10.0, 4 * 2**30, 30.0
Answer = Callable[[Mapping[str, Any]], dict[str, Any]]


class BusyError(Exception):
    """No worker was free for too long."""


class Pool:
    """So many processes that answer questions, one each at a time.

    answer: a function of a module, by which a worker answers; seconds: for one question; size: of memory
    of a worker, in bytes, where the system can limit it; wait: seconds until a question is refused.
    """

    def __init__(
        self, answer: Answer, count: int = 2, seconds: float = SECONDS, wait: float = WAIT
    ) -> None:
        self._answer, self._seconds, self._wait = answer, seconds, wait
        self._context = multiprocessing.get_context("spawn")
        self._idle: queue.Queue[_Worker] = queue.Queue()
        self._closed = False
        for _ in range(count):
            self._idle.put(self._new())

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer; an error where it takes too long or too much. Raises BusyError."""
        try:
            worker = self._idle.get(timeout=self._wait)
        except queue.Empty:
            raise BusyError from None
        try:
            return worker.ask(question, self._seconds)
        except (EOFError, OSError, TimeoutError) as error:
            worker.end()
            worker = self._new()
            late = isinstance(error, TimeoutError)
            message = "this takes too long here" if late else "this could not be done here"
            text = f"{message}\nTake fewer steps, smaller dims, or fewer equations."
            return {"error": {"message": message, "text": text}}
        finally:
            if self._closed:
                worker.end()
            self._idle.put(worker)

    def close(self) -> None:
        """End all workers."""
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().end()

    def _new(self) -> _Worker:
        return _Worker(self._context, self._answer)


class _Worker:
    def __init__(self, context: Any, answer: Answer) -> None:
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, answer), daemon=True)
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self._process.start()
        theirs.close()
        self._started = False

    def ask(self, question: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        if not self._started:  # imports do not count
            if not self._ours.poll(60):
                raise TimeoutError
            self._ours.recv()
            self._started = True
        self._ours.send(dict(question))
        if not self._ours.poll(seconds):
            raise TimeoutError
        found: dict[str, Any] = self._ours.recv()
        return found

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._ours.close()


def _work(connection: Connection, answer: Answer) -> None:
    """The life of a worker: questions in, answers out, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server says when
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    import unroll.figure  # noqa: F401  (warm)

    connection.send("ready")
    while True:
        try:
            question = connection.recv()
        except EOFError:
            return
        try:
            found = answer(question)
        except MemoryError:
            os._exit(1)
        connection.send(found)
