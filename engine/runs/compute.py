"""Where tasks are carried out: processes of this machine, or a Dask cluster; the same results, bit for bit.

A task is a function of a module and a block that holds everything it needs, its random seeds included. So it does not
matter who carries it out, in which order, or how often: results come with the position of their block, and a worker
that is killed costs the block it was at and nothing else. That is the contract of
:data:`engine.decisions.graph.cross_evaluation.RunBlocks`, which studies take.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from engine.content import digest
from engine.errors import JobError
from engine.workspace import write_whole

RETRIES = 3
"""Workers that may die at one block before the block is to blame."""

CONNECT_SECONDS = 20

B = TypeVar("B")
R = TypeVar("R")
Run = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[tuple[int, Any]]]


@contextlib.contextmanager
def opened(cluster: str = "", workers: int | None = None) -> Iterator[Run]:
    """What carries out tasks, ready for use.

    Args:
        cluster: empty for processes of this machine, ``local:N`` for a Dask cluster of N processes on this machine,
            ``tcp://host:port`` (or ``tls://``) for the scheduler of any Dask cluster.
        workers: processes of this machine; as many as cores if None.

    Yields:
        A function of a task and its blocks that yields (position, result) as they come.

    Raises:
        JobError: for an address that is none, or where no scheduler answers.
    """
    if not cluster:
        with contextlib.closing(ProcessPool(workers or os.cpu_count() or 1)) as team:
            yield team.run
        return
    local = re.fullmatch(r"local:([1-9][0-9]{0,3})", cluster)
    if local is None and not re.fullmatch(r"(tcp|tls)://[A-Za-z0-9_.\-\[\]:]+:[0-9]{1,5}", cluster):
        raise JobError(f"expected a cluster as local:N or tcp://host:port; found {cluster[:80]!r}")
    import distributed

    dask: Any = distributed  # its constructors carry no types
    with contextlib.ExitStack() as stack:
        address = cluster
        if local is not None:
            address = stack.enter_context(
                dask.LocalCluster(n_workers=int(local[1]), threads_per_worker=1, processes=True, dashboard_address=None)
            )
        try:
            client = stack.enter_context(dask.Client(address, timeout=CONNECT_SECONDS))
        except OSError as error:
            raise JobError(f"expected a Dask scheduler at {cluster}; found {type(error).__name__}") from None
        yield lambda task, blocks: on_dask(client, task, blocks)


class ProcessPool:
    """Processes of this machine that carry out blocks; they start with the first blocks and stay until closed.

    Written by hand because joblib's and the standard library's pools give up every block when one process is killed,
    and a Dask cluster, which does not, takes seconds to start and opens ports.

    Args:
        workers: how many; with one, blocks are carried out in this process.
    """

    def __init__(self, workers: int) -> None:
        self._most = workers
        self._workers: list[_Worker] = []

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.end()
        self._workers = []

    def run(self, task: Callable[[B], R], blocks: Sequence[B]) -> Iterator[tuple[int, R]]:
        """Carry out blocks; a process that dies is replaced and its block, no other, is carried out again.

        Raises:
            JobError: if a block's process dies again and again.
            Exception: what the task itself raises.
        """
        if self._most <= 1 or len(blocks) <= 1:
            yield from ((position, task(block)) for position, block in enumerate(blocks))
            return
        waiting = list(range(len(blocks)))[::-1]
        deaths = [0] * len(blocks)
        while len(self._workers) < min(self._most, len(blocks)):
            self._workers.append(_Worker())
        done = False
        try:
            for worker in self._workers:
                if waiting:
                    worker.give(task, waiting.pop(), blocks)
            while busy := [worker for worker in self._workers if worker.position is not None]:
                ready = wait([worker.pipe for worker in busy])
                for worker in [worker for worker in busy if worker.pipe in ready]:
                    position = worker.position
                    assert position is not None
                    try:
                        failed, result = worker.take()
                    except (EOFError, OSError):  # it died: this block is all that is lost
                        deaths[position] += 1
                        if deaths[position] > RETRIES:
                            raise JobError(
                                f"expected block {position + 1} of {len(blocks)} to be carried out; "
                                f"found its process killed {deaths[position]} times"
                            ) from None
                        self._replace(worker).give(task, position, blocks)
                        continue
                    if failed:
                        raise result
                    if waiting:
                        worker.give(task, waiting.pop(), blocks)
                    yield position, result
            done = True
        finally:
            if not done:  # some are still at work on what nobody wants any more
                self.close()

    def _replace(self, worker: _Worker) -> _Worker:
        worker.end()
        fresh = _Worker()
        self._workers[self._workers.index(worker)] = fresh
        return fresh


def on_dask(client: Any, task: Callable[[B], R], blocks: Sequence[B]) -> Iterator[tuple[int, R]]:
    """Carry out blocks on a Dask cluster, a few for each of its workers at a time.

    Dask gives the block of a worker that died to another one. Results are fetched as soon as they are there, so that a
    later death cannot take them.

    Raises:
        JobError: if a block's worker dies again and again.
        Exception: what the task itself raises.
    """
    import distributed

    dask: Any = distributed
    waiting = iter(enumerate(blocks))
    position_of: dict[Any, int] = {}

    def submit() -> Any | None:
        following = next(waiting, None)
        if following is None:
            return None
        position, block = following
        future = client.submit(task, block, pure=False)
        position_of[future.key] = position
        return future

    at_a_time = 2 * max(1, sum(client.nthreads().values()))
    running = dask.as_completed([future for future in (submit() for _ in range(at_a_time)) if future is not None])
    for future in running:
        position = position_of.pop(future.key)
        try:
            result = future.result()
        except distributed.KilledWorker:
            raise JobError(
                f"expected block {position + 1} of {len(blocks)} to be carried out; found its worker killed repeatedly"
            ) from None
        future.release()
        following = submit()
        if following is not None:
            running.add(following)
        yield position, result


def keeping(run: Run, directory: Path, name: Callable[[Any], str]) -> Run:
    """A run that keeps every result in a directory and carries out only what is not there yet.

    Args:
        run: what carries out the others.
        directory: of results, arrays or named arrays, one file each, written whole or not at all; one that cannot be
            read is carried out again.
        name: a block's name, the same only for blocks with the same result (see :func:`engine.content.digest`).
    """

    def resumed(task: Callable[[Any], Any], blocks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        task_name = f"{task.__module__}.{task.__qualname__}"
        paths = [directory / digest((task_name, name(block))) for block in blocks]
        missing = []
        for position, path in enumerate(paths):
            found = _kept(path)
            if found is None:
                missing.append(position)
            else:
                yield position, found
        for place, result in run(task, [blocks[position] for position in missing]):
            buffer = io.BytesIO()
            if isinstance(result, dict):
                np.savez(buffer, **result)
            else:
                np.save(buffer, result, allow_pickle=False)
            write_whole(paths[missing[place]], buffer.getvalue())
            yield missing[place], result

    return resumed


class Blocks:
    """Results of blocks that outlive the process, by the name of the whole they belong to.

    Args:
        run: what carries out blocks.
        directory: a folder for each name.
    """

    def __init__(self, run: Run, directory: Path) -> None:
        self._run, self._directory = run, directory

    def keeping(self, name: str) -> Run:
        """What carries out blocks and keeps their results under a name."""
        return keeping(self._run, self._directory / name, digest)

    def forget(self, name: str) -> None:
        """Remove what was kept under a name: the whole is kept by now."""
        shutil.rmtree(self._directory / name, ignore_errors=True)


def _kept(path: Path) -> Any | None:
    """A kept result; None if there is none that can be read."""
    try:
        found = np.load(path, allow_pickle=False)
        return dict(found) if isinstance(found, np.lib.npyio.NpzFile) else found
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


class _Worker:
    """A process that carries out one block at a time, and the pipe to it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.position: int | None = None
        self._process: SpawnProcess = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()  # so that its death is the end of the pipe

    def give(self, task: Callable[[Any], Any], position: int, blocks: Sequence[Any]) -> None:
        self.position = position
        with contextlib.suppress(OSError):  # dead already: the pipe's end says so
            self.pipe.send((task, blocks[position]))

    def take(self) -> tuple[bool, Any]:
        answer: tuple[bool, Any] = self.pipe.recv()
        self.position = None
        return answer

    def end(self) -> None:
        self.position = None
        self.pipe.close()
        self._process.terminate()
        self._process.join()


def _serve(pipe: Connection) -> None:
    """What a worker does until the pipe is closed."""
    while True:
        try:
            task, block = pipe.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        try:
            answer = (False, task(block))
        except Exception as error:
            answer = (True, error)
        with contextlib.suppress(OSError):
            pipe.send(answer)
