"""Runs the refits: streams of random numbers, processes, a progress bar, and Ctrl-C."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar, overload

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs, parallel_config

from limeform.errors import OptionError

Rng = int | np.random.Generator | None
Result = TypeVar("Result")
Work = TypeVar("Work")

TASKS = 8
"""Tasks for each worker: enough that none waits long for the others at the end."""

WAVE = 2
"""Tasks for each worker that are handed out together where a backend cannot return one after another."""


class Progress(Protocol):
    """What a progress bar has to offer."""

    def update(self, n: int) -> object:
        """Move on by n refits."""

    def close(self) -> object:
        """End the bar."""


@dataclass(frozen=True)
class Stream:
    """Random numbers of one refit, always from their beginning.

    Attributes
    ----------
    seed : numpy.random.SeedSequence
        Where they come from.
    kind : type
        The bit generator.
    """

    seed: Any
    kind: type

    def generator(self) -> np.random.Generator:
        """Return a generator at the beginning of the stream."""
        return np.random.Generator(self.kind(self.seed))


@dataclass(frozen=True)
class Streams(Sequence[Stream]):
    """Streams by number, made when they are used: a range of them is sent to another process as five numbers.

    Attributes
    ----------
    root : numpy.random.SeedSequence
        What they are spawned from: stream i is ``root.spawn(...)[i]``.
    kind : type
        The bit generator.
    numbers : range
        Which streams these are.
    """

    root: Any
    kind: type
    numbers: range

    def __len__(self) -> int:
        """Return the number of streams."""
        return len(self.numbers)

    @overload
    def __getitem__(self, item: int) -> Stream: ...

    @overload
    def __getitem__(self, item: slice) -> Streams: ...

    def __getitem__(self, item: int | slice) -> Stream | Streams:
        """Return one stream, or some of them."""
        if isinstance(item, slice):
            return Streams(self.root, self.kind, self.numbers[item])
        key = (*self.root.spawn_key, self.numbers[item])
        seed = np.random.SeedSequence(self.root.entropy, spawn_key=key, pool_size=self.root.pool_size)
        return Stream(seed, self.kind)


def streams(rng: Rng, n: int) -> Streams:
    """Return n independent streams, those of ``rng.spawn(1)[0].spawn(n)``: a refit does not depend on who does it.

    Parameters
    ----------
    rng : None, int or Generator
        Source.
    n : int
        Number of refits.

    Raises
    ------
    OptionError
        If n is not positive, or rng is none of these, or cannot be split.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise OptionError(f"n={n!r}: give the number of draws, at least 1")
    generator = generator_of(rng)
    try:
        child = generator.spawn(1)[0].bit_generator
    except (TypeError, ValueError) as error:
        raise OptionError(f"rng={rng!r} cannot be split into streams: {error}") from error
    return Streams(child.seed_seq, type(child), range(int(n)))


def generator_of(rng: Rng) -> np.random.Generator:
    """Return the generator that ``rng=`` stands for.

    Raises
    ------
    OptionError
        If it is neither None, nor a whole number from 0, nor a generator.
    """
    whole = isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0
    if not (rng is None or whole or isinstance(rng, np.random.Generator)):
        raise OptionError(f"rng={rng!r}: give None, a whole number from 0, or a numpy.random.Generator")
    return np.random.default_rng(rng)


def run(
    work: Callable[[Sequence[Stream]], Result],
    refits: Sequence[Stream],
    size: int,
    n_jobs: int | None = None,
    backend: str | None = None,
    progress: bool = False,
    sent: bool = False,
) -> tuple[list[Result], bool]:
    """Do the work for all refits, in chunks.

    Parameters
    ----------
    work : callable
        Does a chunk.
    refits : sequence of Stream
        One for each refit.
    size : int
        Refits in a chunk; must not depend on ``n_jobs``.
    n_jobs : int, optional
        Workers, as in joblib; None means one, or what ``joblib.parallel_config`` says.
    backend : str, optional
        One of joblib's backends; None means that of ``joblib.parallel_config``, or processes.
    progress : bool
        Show a bar.
    sent : bool
        Whether the work is already what another process would get; see `as_sent`.

    Returns
    -------
    results : list
        One for each chunk, in order; fewer than all after an interruption.
    interrupted : bool
        Whether Ctrl-C was pressed.

    Raises
    ------
    OptionError
        If the backend or the progress bar is not installed.
    """
    work = work if sent else as_sent(work)
    chunks = [refits[start : start + size] for start in range(0, len(refits), size)]
    bar = _bar(len(refits)) if progress else None
    done: list[Result] = []
    results: Iterator[list[Result]]
    try:
        with _chosen(backend, n_jobs):
            workers = workers_of(n_jobs)
            if workers == 1:
                tasks, results = [[chunk] for chunk in chunks], ([work(chunk)] for chunk in chunks)
            else:
                tasks = _tasks(chunks, workers)
                results = _parallel(partial(_each, work), tasks, n_jobs, workers)
            for task, found in zip(tasks, results, strict=False):
                done += found
                if bar is not None:
                    bar.update(sum(map(len, task)))
    except KeyboardInterrupt:
        return done, True
    finally:
        if bar is not None:
            bar.close()
    return done, False


def as_sent(work: Work) -> Work:
    """Return the work as another process would get it.

    Arrays change their layout on the way, and with it the last digits of what is computed from them.
    """
    try:
        copied: Work = pickle.loads(pickle.dumps(work))
    except (pickle.PicklingError, AttributeError, TypeError):  # such as a function defined inside another
        return work
    return copied


def _chosen(backend: str | None, n_jobs: int | None) -> AbstractContextManager[Any]:
    """Return joblib's context for a backend."""
    if backend is None:
        return nullcontext()
    try:
        # Without n_jobs a cluster is used as a whole, and processes by one.
        chosen: AbstractContextManager[Any] = parallel_config(
            backend=backend, **({} if n_jobs is None else {"n_jobs": n_jobs})
        )
    except (ImportError, ValueError, TypeError, AttributeError) as error:
        raise OptionError(
            f"backend={backend!r} cannot be used: {_first_line(error)}. joblib's own are 'loky', 'threading' and "
            "'multiprocessing'; 'dask' needs the package distributed and a running client, 'ray' the package ray "
            "with ray.util.joblib.register_ray()"
        ) from error
    return chosen


def workers_of(n_jobs: int | None) -> int:
    """Return how many workers ``n_jobs=`` stands for.

    Raises
    ------
    OptionError
        If it stands for none.
    """
    try:
        return int(effective_n_jobs(n_jobs))
    except (TypeError, ValueError) as error:
        raise OptionError(f"n_jobs={n_jobs!r}: give a number of workers such as 2, or -1 for all cores") from error


def _tasks(chunks: Sequence[Sequence[Stream]], workers: int) -> list[list[Sequence[Stream]]]:
    """Hand out several chunks at once: sending the model to a worker costs as much as fifty refits."""
    together = -(-len(chunks) // (TASKS * workers))
    return [list(chunks[start : start + together]) for start in range(0, len(chunks), together)]


def _each(work: Callable[[Any], Result], chunks: Sequence[Any]) -> list[Result]:
    return [work(chunk) for chunk in chunks]


def _parallel(
    work: Callable[[Any], Result], chunks: Sequence[Any], n_jobs: int | None, workers: int
) -> Iterator[Result]:
    """Yield results in order; from backends that cannot do so, wave by wave."""
    try:
        with warnings.catch_warnings():
            # Closing a generator early, after Ctrl-C, is what is wanted here.
            warnings.simplefilter("ignore")
            pool = Parallel(n_jobs=n_jobs, return_as="generator")
        results = pool(delayed(work)(chunk) for chunk in chunks)
    except ValueError:
        for start in range(0, len(chunks), WAVE * workers):
            yield from Parallel(n_jobs=n_jobs)(delayed(work)(chunk) for chunk in chunks[start : start + WAVE * workers])
        return
    yield from results


def _bar(total: int) -> Progress:
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise OptionError("progress=True needs tqdm: pip install tqdm") from error
    bar: Progress = tqdm(total=total, unit="refit")
    return bar


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
