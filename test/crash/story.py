"""Writers who note what they asked for and what they were told, and what a folder may hold after that.

Each writer has keys of its own and asks for one thing at a time.  So after a crash its keys are as they were after the
last acknowledged step or, whole, after the one that was under way: nothing else.  WRITERS has the dialects of each; to
try another kind of writer everywhere, add it there.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from test.crash.s3_steps import S3Steps
from test.crash.state import State, fits
from test.crash.ufile_steps import UfileSteps
from test.s3.peer import S3Peer
from test.server.wire import Answer, Peer
from ucloud.uvideo.protocol import operation

__all__ = ["Memory", "Step", "Writer", "judge", "matches", "names", "writers"]

KEYS = 6  # of a writer: few, so that most puts replace something


class Steps(Protocol):
    """What a writer asks for in one dialect."""

    def choices(self, now: State) -> Sequence[tuple[int, Callable[[State], bool]]]:
        """(weight, what to do next, given that its keys are so); it returns False without an answer."""


#: The kinds of writers, by the first word of their names, and what each speaks.
WRITERS: dict[str, tuple[Callable[[Writer], Steps], ...]] = {
    "ufile": (UfileSteps,),
    "s3": (S3Steps,),
    "both": (UfileSteps, S3Steps),
}


def names(count: int) -> list[str]:
    """The names of so many writers, of all kinds."""
    kinds = list(WRITERS)
    return [f"{kinds[number % len(kinds)]}-{number // len(kinds)}" for number in range(count)]


@dataclass(frozen=True)
class Step:
    """``session``: of the answer, None if there was none.  ``after``: the state once it is done.

    ``partly``: the states while it is done, if it is more than one change.
    """

    what: str
    session: str | None
    after: State
    partly: Sequence[State] = ()


@dataclass
class Memory:
    """What a writer knows beside its state, also after the server was killed.

    ``parts``: upload -> {etag: bytes} of parts that it sent.  ``planned``: upload of UFile -> all its parts.
    ``finished``: upload of S3 -> (key, (number, etag) of its parts, ETag) of those it finished, maybe unanswered.
    """

    parts: dict[str, dict[str, bytes]] = field(default_factory=dict)
    planned: dict[str, list[bytes]] = field(default_factory=dict)
    finished: dict[str, tuple[str, list[tuple[int, str]], str]] = field(default_factory=dict)


class Writer(threading.Thread):
    """Asks until it gets no answer any more, or ``stop`` is set.  ``before``: what its keys hold."""

    def __init__(self, server: Any, space: str, name: str, seed: int, before: State, memory: Memory | None = None):
        super().__init__(daemon=True)
        self.peer, self.s3, self.space, self.prefix = Peer(server), S3Peer(server), space, f"{name}/"
        self.dice = random.Random(seed)
        self.before, self.steps = before, list[Step]()
        self.memory = memory or Memory()
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self._dialects = [made(self) for made in WRITERS[name.partition("-")[0]]]

    def run(self) -> None:
        try:
            while not self.stop.is_set() and self._step(self.steps[-1].after if self.steps else self.before):
                pass
        except BaseException as failure:
            self.failure = failure

    def _step(self, now: State) -> bool:
        choices = [each for dialect in self._dialects for each in dialect.choices(now)]
        (chosen,) = self.dice.choices([call for _, call in choices], [weight for weight, _ in choices])
        return chosen(now)

    def key(self) -> str:
        """One of its keys."""
        return self.prefix + str(self.dice.randrange(KEYS))

    def ask(
        self,
        what: str,
        call: Callable[[], Answer],
        after: Callable[[Answer], State],
        unanswered: State,
        partly: Sequence[State] = (),
        expected: int | None = None,
    ) -> bool:
        """Ask, and note the outcome; False if there was no answer.

        ``unanswered``: what may be there then, ``partly`` too, or nothing of it.  ``expected``: the status, None: of a
        success.
        """
        try:
            got = call()
        except Exception as failure:  # http.client's, too, for an answer that broke off
            self.steps.append(Step(f"{what}: {type(failure).__name__}", None, unanswered, partly))
            return False
        if got.status not in ((200, 204) if expected is None else (expected,)):
            raise AssertionError(f"{what} was answered with {got.status} {got.body[:500]!r}")
        session = got.header("X-SessionId") or got.header("x-amz-request-id")
        self.steps.append(Step(what, session, after(got), partly))
        return True

    def sure(self, op: Any, state: State, body: bytes = b"") -> bool:
        """As ``ask``, of an operation of UFile after which the state is this."""
        return self.ask(type(op).__name__, lambda: self.peer.call(op, body), lambda got: state, state)

    def allowed(self, acknowledged: Callable[[str], bool] = lambda session: True) -> list[State]:
        """The states that may be found, given which answers had left."""
        found = self.before
        for step in self.steps:
            if step.session is None or not acknowledged(step.session):
                return [found, *step.partly, step.after]
            found = step.after
        return [found]


def writers(
    servers: Sequence[Any],
    space: str,
    states: dict[str, State],
    dice: random.Random,
    memories: dict[str, Memory] | None = None,
) -> list[Writer]:
    """A writer for each name, that goes on from its state.  Each has one of the servers."""
    made = []
    for server, (name, state) in zip(itertools.cycle(servers), states.items(), strict=False):
        memory = None if memories is None else memories.setdefault(name, Memory())
        made.append(Writer(server, space, name, dice.randrange(1 << 30), state, memory))
    return made


def judge(writer: Writer, found: State, acknowledged: Callable[[str], bool] = lambda session: True) -> None:
    """AssertionError unless the state found may be there."""
    allowed = writer.allowed(acknowledged)
    if any(fits(found, each) for each in allowed):
        return
    last = [step.what for step in writer.steps[-4:]]
    raise AssertionError(f"{writer.prefix} last steps {last}\n found {found}\n allowed {allowed}")


def matches(server: Any, space: str, state: State) -> int:
    """AssertionError unless the server says the same in both dialects; how many objects there are."""
    peer, s3 = Peer(server), S3Peer(server)
    for key, found in state.objects.items():
        got, shown = peer.call(operation.GetObject(space, key)), s3.ask("GET", space, key)
        assert (got.status, len(got.body)) == (200, found.size), key
        assert (got.header("ETag") or "").strip('"') in (found.tag, found.shown), key
        assert (shown.status, shown.header("ETag"), shown.body) == (200, f'"{found.shown}"', got.body), key
    return len(state.objects)
