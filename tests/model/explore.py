"""Every execution of some threads, with every load's choices, and deaths at every step."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from tests.model.memory import (
    Memory,
    Race,
    Thread,
    View,
    forget,
    join,
    later,
    losses,
    newest,
    replaced,
    without,
)
from tests.model.program import Layout, Op, Operation, Program


class State(NamedTuple):
    threads: tuple[Thread, ...]
    memory: Memory
    marks: View  # per word, the timestamp of the last plain load
    ghosts: tuple[object, ...]
    fence: View  # of the last full fence
    lives: tuple[int, ...]  # how often each thread may still be killed


class Violation(Exception):
    """A check of a driver failed, or a race."""


@dataclass
class Result:
    states: int
    steps: int
    failure: str = ""  # what is wrong, and the interleaving that leads there
    ends: int = 0


@dataclass
class Model:
    """Threads, the words that they share, and what may happen to them.

    data_races: whether the payload is plain, so that a race is a mistake (`wait`); else its words
    are relaxed, and may come torn (`drop`).
    """

    layout: Layout
    programs: tuple[Program, ...]
    ghosts: dict[str, object]
    lives: tuple[int, ...]
    data_races: bool
    limit: int = 5_000_000
    log: list[str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        words = range(len(self.layout.fields), self.layout.count)
        payload = frozenset(words) - frozenset(self.layout.sequences())
        self.plain = payload if self.data_races else frozenset()

    def start(self) -> Iterator[State]:
        nothing = (0,) * (2 * self.layout.count)
        memory = tuple((0, ((0, nothing, False),)) for _ in range(self.layout.count))
        threads = tuple(
            Thread(0, program.initial, nothing, nothing, nothing, 0, 0) for program in self.programs
        )
        ghosts = tuple(self.ghosts.values())
        marks = (0,) * self.layout.count
        states = [State(threads, memory, marks, ghosts, nothing, self.lives)]
        for which in range(len(threads)):
            states = [after for state in states for after in self.settle(state, which)]
        return iter(states)

    # One thread.

    def settle(self, state: State, which: int) -> Iterator[State]:
        """Go on with what nobody else can see, to the next operation on a shared word."""
        thread = state.threads[which]
        at, private, ghosts = thread.at, thread.private, state.ghosts
        code = self.programs[which].code
        while at >= 0:
            todo = code[at]
            op = todo.op
            if op is Op.SET:
                words = list(private)
                words[todo.target] = todo.value(private, ghosts, state.memory)
                for index in todo.clears:
                    words[index] = None
                private = tuple(words)
                at += 1
            elif op is Op.BRANCH:
                chosen = todo.value(private, ghosts, state.memory)
                if todo.clears:
                    words = list(private)
                    for index in todo.clears:
                        words[index] = None
                    private = tuple(words)
                at = at + 1 if chosen else todo.target
            elif op is Op.JUMP:
                at = todo.target
            elif op is Op.CHECK:
                if not todo.value(private, ghosts, state.memory):
                    raise Violation(f"{todo.place}: {todo.text}")
                at += 1
            elif op is Op.GHOST:
                value = todo.value(private, ghosts, state.memory)
                ghosts = (*ghosts[: todo.target], value, *ghosts[todo.target + 1 :])
                at += 1
            elif op is Op.CHOOSE:
                for value in range(todo.value(private, ghosts, state.memory)):
                    words = list(private)
                    words[todo.target] = value
                    after = thread._replace(at=at + 1, private=tuple(words))
                    yield from self.settle(self.with_thread(state, which, after, ghosts), which)
                return
            elif op is Op.END:
                at, private = -1, ()
            elif self.data_races and todo.order in ("data", "plain"):
                # Nobody may see it before it is ordered: a race is found whoever comes first.
                after = thread._replace(at=at, private=private)
                state = self.with_thread(state, which, after, ghosts)
                (state,) = list(self.perform(state, which, todo))
                thread = state.threads[which]
                at, private = thread.at, thread.private
            else:
                break
        after = thread._replace(at=at, private=private)
        yield self.with_thread(state, which, after, ghosts)

    def with_thread(
        self, state: State, which: int, thread: Thread, ghosts: tuple[object, ...]
    ) -> State:
        threads = (*state.threads[:which], thread, *state.threads[which + 1 :])
        return state._replace(threads=threads, ghosts=ghosts)

    def perform(self, state: State, which: int, todo: Operation) -> Iterator[State]:
        """One operation on shared words, with each of its outcomes."""
        thread = state.threads[which]
        if todo.op is Op.FENCE:
            yield self.fence(state, which, todo.order)
            return
        number = todo.word(thread.private, state.ghosts, state.memory)
        if todo.op is Op.LOAD:
            yield from self.load(state, which, todo, number)
        elif todo.op is Op.STORE:
            value = todo.value(thread.private, state.ghosts, state.memory)
            yield from self.store(state, which, todo, number, value)
        elif todo.op is Op.EXCHANGE:
            yield from self.exchange(state, which, todo, number)
        elif todo.op is Op.WAIT:
            yield from self.wait(state, which, todo, number)
        elif todo.op is Op.WAKE:
            yield self.wake(state, which, todo, number)

    def say(self, which: int, todo: Operation, what: str) -> None:
        if self.log is not None:
            self.log.append(f"{self.programs[which].name:10}{todo.place:22}{what:50}  {todo.text}")

    def is_plain(self, order: str) -> bool:
        return order == "plain" or (order == "data" and self.data_races)

    def load(self, state: State, which: int, todo: Operation, number: int) -> Iterator[State]:
        thread, word = state.threads[which], state.memory[number]
        marks, own = state.marks, thread.seen[number]
        name = self.layout.name(number)
        if self.is_plain(todo.order):
            mark = self.layout.count + number
            if own != newest(word):
                raise Race(f"{todo.place}: a race: {name} is read while it may be written")
            marks = replaced(marks, number, own)
            thread = thread._replace(seen=replaced(thread.seen, mark, own))
            thread = thread._replace(acquired=join(thread.acquired, thread.seen))
        for stamp in range(own, newest(word) + 1):
            value, view, _ = word[1][stamp - word[0]]
            seen, acquired = thread.seen, thread.acquired
            if stamp != own:
                seen = replaced(seen, number, stamp)
                acquired = join(acquired, seen)
            if todo.order == "acquire":
                seen = join(seen, view)
            acquired = join(acquired, view)
            private = (*thread.private[: todo.target], value, *thread.private[todo.target + 1 :])
            after = thread._replace(
                at=thread.at + 1, private=private, seen=seen, acquired=join(acquired, seen)
            )
            if self.log is not None:
                stale = newest(word) - stamp
                late = f" ({stale} newer)" if stale else ""
                self.say(which, todo, f"load {todo.order} {name} -> {value}{late}")
            yield self.with_thread(state, which, after, state.ghosts)._replace(marks=marks)

    def store(
        self, state: State, which: int, todo: Operation, number: int, value: object
    ) -> Iterator[State]:
        thread, word = state.threads[which], state.memory[number]
        name, own, last = self.layout.name(number), thread.seen[number], newest(word)
        if self.is_plain(todo.order) and own != last:
            raise Race(f"{todo.place}: a race: {name} is written while another thread may write it")
        if thread.seen[self.layout.count + number] < state.marks[number]:
            raise Race(f"{todo.place}: a race: {name} is written while it may be read")
        for stamp in range(own + 1, last + 2):
            if stamp <= last and word[1][stamp - word[0]][2]:
                continue
            place = f" before {last + 1 - stamp} others" if stamp <= last else ""
            self.say(which, todo, f"store {todo.order} {name} := {value}{place}")
            yield self.put(state, which, number, stamp, value, todo.order == "release", None)

    def put(
        self,
        state: State,
        which: int,
        number: int,
        stamp: int,
        value: object,
        releases: bool,
        exchanged: View | None,
    ) -> State:
        """A store that becomes number `stamp` of its word, after the one it exchanged if any."""
        if stamp <= newest(state.memory[number]):
            state = self.moved(state, number, stamp)
        thread, word = state.threads[which], state.memory[number]
        seen = replaced(thread.seen, number, stamp)
        view = seen if releases else replaced(thread.released, number, stamp)
        if exchanged is not None:
            view = join(view, exchanged)
        index = stamp - word[0]
        stores = (*word[1][:index], (value, view, exchanged is not None), *word[1][index:])
        memory = (*state.memory[:number], (word[0], stores), *state.memory[number + 1 :])
        after = thread._replace(
            at=thread.at + 1, seen=seen, acquired=join(thread.acquired, seen), last=number + 1
        )
        return self.with_thread(state, which, after, state.ghosts)._replace(memory=memory)

    def moved(self, state: State, number: int, stamp: int) -> State:
        """The same with room for a store before what was number `stamp` of a word."""
        threads = tuple(
            thread._replace(
                seen=later(thread.seen, number, stamp),
                acquired=later(thread.acquired, number, stamp),
                released=later(thread.released, number, stamp),
            )
            for thread in state.threads
        )
        memory = tuple(
            (
                first,
                tuple((value, later(view, number, stamp), glued) for value, view, glued in stores),
            )
            for first, stores in state.memory
        )
        fence = later(state.fence, number, stamp)
        return state._replace(threads=threads, memory=memory, fence=fence)

    def exchange(self, state: State, which: int, todo: Operation, number: int) -> Iterator[State]:
        """Read a store and put another right behind it, acquiring and releasing."""
        thread, word = state.threads[which], state.memory[number]
        for stamp in range(thread.seen[number], newest(word) + 1):
            if stamp < newest(word) and word[1][stamp + 1 - word[0]][2]:
                continue
            value, view, _ = word[1][stamp - word[0]]
            new = todo.value(thread.private, state.ghosts, state.memory)
            private = (*thread.private[: todo.target], value, *thread.private[todo.target + 1 :])
            seen = join(replaced(thread.seen, number, stamp), view)
            after = thread._replace(
                private=private, seen=seen, acquired=join(thread.acquired, seen)
            )
            self.say(which, todo, f"exchange {self.layout.name(number)}: {value}, then {new}")
            here = self.with_thread(state, which, after, state.ghosts)
            yield self.put(here, which, number, stamp + 1, new, True, view)

    def wait(self, state: State, which: int, todo: Operation, number: int) -> Iterator[State]:
        """futex(2): asleep if the word is as expected. The kernel looks behind a full fence."""
        fenced = self.fence(state, which, "full", silent=True)
        thread, word = fenced.threads[which], fenced.memory[number]
        expected = todo.value(thread.private, state.ghosts, state.memory)
        for stamp in range(thread.seen[number], newest(word) + 1):
            value = word[1][stamp - word[0]][0]
            seen = replaced(thread.seen, number, stamp)
            asleep = number + 1 if value == expected else 0
            self.say(which, todo, f"it is {value}: " + ("falls asleep" if asleep else "goes on"))
            after = thread._replace(seen=seen, acquired=join(thread.acquired, seen), asleep=asleep)
            yield self.with_thread(fenced, which, after, state.ghosts)

    def wake(self, state: State, which: int, todo: Operation, number: int) -> State:
        self.say(which, todo, "wakes who is asleep")
        state = self.fence(state, which, "full", silent=True)
        threads = tuple(
            thread._replace(asleep=0) if thread.asleep == number + 1 else thread
            for thread in state.threads
        )
        return state._replace(threads=threads)

    def fence(self, state: State, which: int, order: str, silent: bool = False) -> State:
        thread = state.threads[which]
        seen, released, full = thread.seen, thread.released, state.fence
        if order in ("acquire", "full"):
            seen = thread.acquired
        if order == "full":
            seen = full = join(seen, full)
        if order in ("release", "full"):
            released = seen
        if not silent:
            self.say(which, self.programs[which].code[thread.at], f"fence {order}")
        after = thread._replace(
            at=thread.at + 1, seen=seen, acquired=join(thread.acquired, seen), released=released
        )
        return self.with_thread(state, which, after, state.ghosts)._replace(fence=full)

    def kill(self, state: State, which: int) -> Iterator[State]:
        """A thread dies, and another one takes its place, which has seen what it had stored."""
        left = state.lives[which]
        lives = (*state.lives[:which], left - 1, *state.lives[which + 1 :])
        dead = state.threads[which]
        nothing = (0,) * (2 * self.layout.count)
        for lost in losses(state.memory, which, state.threads, self.plain):
            memory = without(state.memory, lost)
            seen = tuple(
                min(stamp, newest(memory[index])) if index < len(memory) else stamp
                for index, stamp in enumerate(dead.seen)
            )
            heir = Thread(0, self.programs[which].initial, seen, seen, nothing, 0, 0)
            if self.log is not None:
                gone = [self.layout.name(word) for word, count in enumerate(lost) if count]
                missing = f", its stores not done to {', '.join(gone)}" if gone else ""
                self.log.append(f"{self.programs[which].name:10}is killed{missing}")
            after = self.with_thread(state, which, heir, state.ghosts)
            yield after._replace(memory=memory, lives=lives)

    # All threads.

    def steps(self, state: State) -> Iterator[State]:
        for which, thread in enumerate(state.threads):
            if thread.at < 0:
                continue
            if thread.asleep == 0:
                for after in self.perform(state, which, self.programs[which].code[thread.at]):
                    yield from self.normal(after, which)
            if state.lives[which]:
                for after in self.kill(state, which):
                    yield from self.normal(after, which)

    def normal(self, state: State, which: int) -> Iterator[State]:
        for after in self.settle(state, which):
            yield after._replace(memory=forget(after.memory, after.threads))

    def run(self) -> Result:
        """All states, breadth first, so that what is found first is shortest."""
        known: dict[State, int] = {}
        parents: list[int] = []
        edges: list[tuple[int, int]] = []
        queue: deque[State] = deque()
        try:
            for state in self.start():
                known[state] = len(parents)
                parents.append(-1)
                queue.append(state)
        except (Violation, Race) as error:
            return Result(0, 0, str(error))
        while queue:
            state = queue.popleft()
            number = known[state]
            try:
                for after in self.steps(state):
                    place = known.get(after)
                    if place is None:
                        place = known[after] = len(parents)
                        parents.append(number)
                        queue.append(after)
                    edges.append((number, place))
            except (Violation, Race) as error:
                return Result(
                    len(known), len(edges), self.story(known, parents, number, str(error))
                )
            if len(known) > self.limit:
                raise MemoryError(f"more than {self.limit} states")
        ends = [number for state, number in known.items() if all(t.at < 0 for t in state.threads)]
        stuck = self.stuck(len(parents), edges, ends)
        if stuck is not None:
            text = "from here on nothing leads to the end"
            failure = self.story(known, parents, stuck, text, ended=True)
            return Result(len(known), len(edges), failure, len(ends))
        return Result(len(known), len(edges), "", len(ends))

    def stuck(self, count: int, edges: list[tuple[int, int]], ends: list[int]) -> int | None:
        """The first state from which no end can be reached."""
        before: list[list[int]] = [[] for _ in range(count)]
        for start, end in edges:
            before[end].append(start)
        good = [False] * count
        todo = list(ends)
        while todo:
            number = todo.pop()
            if not good[number]:
                good[number] = True
                todo += before[number]
        return next((number for number, reached in enumerate(good) if not reached), None)

    def story(
        self,
        known: dict[State, int],
        parents: list[int],
        number: int,
        error: str,
        ended: bool = False,
    ) -> str:
        """The interleaving that leads to a state, and what is wrong there."""
        path = [number]
        while parents[path[-1]] >= 0:
            path.append(parents[path[-1]])
        states = {known[state]: state for state in known if known[state] in set(path)}
        lines: list[str] = []
        path.reverse()
        for start, end in pairwise(path):
            lines += self.told(states[start], states[end])
        if not ended:
            lines += self.told(states[path[-1]], None)
        shown = [f"{step:3}  {line}" for step, line in enumerate(lines, 1)]
        return "\n".join([error, *shown])

    def told(self, start: State, end: State | None) -> list[str]:
        """What is done from one state to the next, or up to the failure."""
        for which in range(len(start.threads)):
            for sort in ("perform", "kill"):
                thread = start.threads[which]
                if thread.at < 0 or (sort == "kill" and not start.lives[which]):
                    continue
                self.log = []
                done = 0
                try:
                    outcomes = (
                        self.kill(start, which)
                        if sort == "kill"
                        else self.perform(start, which, self.programs[which].code[thread.at])
                    )
                    for after in outcomes:
                        done = len(self.log) - 1
                        for settled in self.normal(after, which):
                            if settled == end:
                                return self.log[done:]
                except (Violation, Race):
                    if end is None:
                        return self.log[done:]
                finally:
                    self.log = None
        return []
