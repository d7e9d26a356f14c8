"""Several things at a time, on threads that no Ctrl-C has to wait for.

Those of `concurrent.futures` are joined when the interpreter ends: a request of five minutes keeps the command alive.
"""

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread


def each[Item, Result](work: Callable[[Item], Result], items: Sequence[Item], threads: int) -> list[Result]:
    """The result for each item, in their order. Raises what `work` raises, and KeyboardInterrupt at once.

    Nothing new is begun then; what is under way ends with the process.
    """
    waiting: SimpleQueue[int] = SimpleQueue()
    done: SimpleQueue[tuple[int, Result | BaseException]] = SimpleQueue()
    for number in range(len(items)):
        waiting.put(number)

    def run() -> None:
        while (number := _next(waiting)) is not None:
            try:
                done.put((number, work(items[number])))
            except BaseException as error:  # noqa: BLE001 - raised again below
                done.put((number, error))

    for _ in range(min(threads, len(items))):
        Thread(target=run, daemon=True).start()
    try:
        results = dict(_raised(*done.get()) for _ in items)
    finally:
        while _next(waiting) is not None:
            pass
    return [results[number] for number in range(len(items))]


def _next(waiting: SimpleQueue[int]) -> int | None:
    try:
        return waiting.get_nowait()
    except Empty:
        return None


def _raised[Result](number: int, result: Result | BaseException) -> tuple[int, Result]:
    if isinstance(result, BaseException):
        raise result
    return number, result
