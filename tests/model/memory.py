"""What C11 lets threads see of each other's stores: an operational model of release, acquire,
relaxed accesses and fences.

Every shared word has all its stores in their order (C11's modification order); a store's place in
it is its timestamp. A *view* is a timestamp per word: what somebody has to have seen. A thread may
load any store that isn't older than its own view of the word. A release store carries the thread's
view, and an acquire load takes it over; a relaxed store carries the view of the last release fence,
and what a relaxed load would have taken over comes with the next acquire fence. Reads of plain
words leave a mark which a later writer must have in its view: else the two race.

This is the view-based semantics of Kang, Hur, Lahav, Vafeiadis, Dreyer, "A Promising Semantics for
Relaxed-Memory Concurrency" (POPL 2017), without its promises. What is left is what
Lahav, Vafeiadis, Kang, Hur, Dreyer, "Repairing Sequential Consistency in C/C++11" (PLDI 2017),
allow: no load sees a store that comes later in a circle of program order and reads-from. Views of
races: Kaiser, Dang, Dreyer, Lahav, Vafeiadis, "Strong Logic for Weak Memory" (ECOOP 2017).
"""

from itertools import product
from typing import NamedTuple, TypeAlias

View: TypeAlias = tuple[int, ...]
# The timestamp of the first store that is kept, and the stores as (value, view, whether it belongs
# to an exchange that read the store before it, so that none comes between).
Store: TypeAlias = tuple[object, View, bool]
Word: TypeAlias = tuple[int, tuple[Store, ...]]
Memory: TypeAlias = tuple[Word, ...]


class Thread(NamedTuple):
    at: int  # operation; -1: ended
    private: tuple[object, ...]
    seen: View
    acquired: View  # what an acquire fence would add
    released: View  # of the last release fence
    last: int  # the word it stored to last, plus 1
    asleep: int  # the word it waits on, plus 1


class Race(Exception):
    """Two accesses of a plain word that nothing orders."""


def join(one: View, other: View) -> View:
    if one is other or one == other:
        return one
    return tuple(map(max, one, other))


def replaced(view: View, index: int, value: int) -> View:
    return (*view[:index], value, *view[index + 1 :])


def newest(word: Word) -> int:
    """The timestamp of the last store."""
    return word[0] + len(word[1]) - 1


def forget(memory: Memory, threads: tuple[Thread, ...]) -> Memory:
    """Without the stores that nobody can load any more."""
    least = [min(seen) for seen in zip(*(thread.seen for thread in threads), strict=True)]
    for index, (first, stores) in enumerate(memory):
        if least[index] > first:
            kept = (least[index], stores[least[index] - first :])
            memory = (*memory[:index], kept, *memory[index + 1 :])
    return memory


def losses(
    memory: Memory, dead: int, threads: tuple[Thread, ...], plain: frozenset[int]
) -> list[tuple[int, ...]]:
    """How many of the last stores of each word may not have been performed when `dead` was killed.

    Stores take place in the order of the text only as far as C11 demands it: a later one that was
    performed doesn't mean that an earlier one was, unless the later one, or one that another thread
    has seen, carries the earlier one in its view. The last one counts as performed: else it is a
    death before it. Of a plain word it makes no difference: who reads it without having that store
    in its view races, done or not.
    """
    none = (0,) * len(memory)
    last_word = threads[dead].last - 1
    if last_word < 0:
        return [none]
    floor = memory[last_word][1][-1][1]
    for place, thread in enumerate(threads):
        if place != dead:
            floor = join(floor, join(thread.acquired, thread.released))
    most = [
        0 if index in plain else min(newest(word) - max(floor[index], word[0]), len(word[1]) - 1)
        for index, word in enumerate(memory)
    ]
    if not any(most):
        return [none]
    return [
        chosen
        for chosen in product(*(range(count + 1) for count in most))
        if is_closed(memory, chosen)
    ]


def is_closed(memory: Memory, lost: tuple[int, ...]) -> bool:
    """Whether no store that was performed carries one in its view that was not."""
    last = [newest(word) - count for word, count in zip(memory, lost, strict=True)]
    for word, count in zip(memory, lost, strict=True):
        for _, view, _ in word[1][: len(word[1]) - count]:
            if any(view[index] > bound for index, bound in enumerate(last)):
                return False
    return True


def without(memory: Memory, lost: tuple[int, ...]) -> Memory:
    return tuple(
        (first, stores[: len(stores) - count]) if count else (first, stores)
        for (first, stores), count in zip(memory, lost, strict=True)
    )


def later(view: View, index: int, stamp: int) -> View:
    """A view after a store came in before what was store `stamp` of a word."""
    return replaced(view, index, view[index] + 1) if view[index] >= stamp else view
