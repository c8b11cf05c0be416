"""The ring, the book view and the wake word, checked in every execution that C11 allows.

The checker runs the functions of ext/*.pxd themselves (docs/ring_proof.md). So that it is known to
look: each ordering taken away from the code must give a counterexample.
"""

import re

import pytest

from tests.model.ring import model, texts

CODE = texts()
# A cursor that is stored only now and then, as in a ring of 16 slots and more.
SELDOM = CODE | {"ring.pxd": CODE["ring.pxd"].replace("capacity >> 3", "capacity >> 1")}

SMALL = [
    ("wait", 2, 5, (0, 0), CODE),
    ("wait", 4, 6, (0, 0), SELDOM),
    ("wait", 2, 3, (1, 0), CODE),
    ("wait", 2, 3, (0, 1), CODE),
    ("batch", 4, 6, (0, 0), CODE),
    ("promise", 2, 4, (0, 0), CODE),
    ("drop", 2, 4, (0, 0), CODE),
    ("drop", 4, 6, (0, 0), CODE),
    ("drop", 2, 2, (1, 0), CODE),
    ("drop", 2, 3, (0, 1), CODE),
    ("onlook", 2, 3, (0, 0), CODE),
    ("view", 0, 4, (0, 0), CODE),
    ("park", 2, 2, (0, 0), CODE),
]
LARGE = [
    ("wait", 4, 10, (0, 0), SELDOM),
    ("wait", 8, 12, (0, 0), CODE),
    ("wait", 2, 4, (1, 0), CODE),
    ("wait", 4, 5, (0, 1), SELDOM),
    ("batch", 4, 9, (0, 0), CODE),
    ("drop", 2, 6, (0, 0), CODE),
    ("drop", 4, 8, (0, 0), CODE),
    ("drop", 2, 3, (1, 0), CODE),
    ("drop", 2, 4, (0, 1), CODE),
    ("view", 0, 5, (0, 0), CODE),
    ("park", 2, 3, (0, 0), CODE),
]


def must_hold(what, capacity, messages, lives, code):
    result = model(what, capacity, messages, lives, code).run()
    assert not result.failure, f"\n{result.failure}"
    assert result.ends
    print(f"{result.states} states, {result.steps} steps")


@pytest.mark.parametrize(("what", "capacity", "messages", "lives", "code"), SMALL)
def test_every_execution_is_right(what, capacity, messages, lives, code):
    """Nothing lost, doubled, torn, reordered or raced for, and the end can always be reached."""
    must_hold(what, capacity, messages, lives, code)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("what", "capacity", "messages", "lives", "code"), LARGE)
def test_every_execution_is_right_in_larger_bounds(what, capacity, messages, lives, code):
    must_hold(what, capacity, messages, lives, code)


WRITE = "    store_release(&slot.words[0], ring.head)\n"
ZERO = "    store_release(&slot.words[0], 0)\n"
# What is changed in which function; what is found, in which model.
MUTANTS = {
    "published without release": (
        ("ring_write", "store_release(&slot", "store_relaxed(&slot"), "a race", ("wait", 2, 3)),
    "published before it is stamped": (
        ("ring_write", "    slot.header.stamp = stamp\n    ring.head += 1\n" + WRITE,
         "    ring.head += 1\n" + WRITE + "    slot.header.stamp = stamp\n"),
        "a race", ("wait", 2, 3)),
    "peeked without acquire": (
        ("ring_peek", "load_acquire", "load_relaxed"), "a race", ("wait", 2, 3)),
    "given back without release": (
        ("ring_store_cursor", "store_release", "store_relaxed"), "a race", ("wait", 2, 3)),
    "space seen without acquire": (
        ("ring_space", "load_acquire", "load_relaxed"), "a race", ("wait", 2, 3)),
    "given back before it was read": (
        ("wait_consumer", "            assert ring.cursor <= ghost.taken",
         "            store_release(&ring.header.cursor, ring.cursor + 1)\n"
         "            assert ring.cursor <= ghost.taken"), "a race", ("wait", 2, 3)),
    "a batch published without release": (
        ("ring_publish", "store_release", "store_relaxed"), "a race", ("batch", 4, 6)),
    "a batch peeked without acquire": (
        ("ring_peek_batch", "load_acquire", "load_relaxed"), "a race", ("batch", 4, 6)),
    "taken over without acquire": (
        ("ring_resume_producer", "load_acquire(&ring.header.cursor)",
         "load_relaxed(&ring.header.cursor)"), "a race", ("wait", 2, 3, (1, 0))),
    "taken over at the head that is shown": (
        ("ring_resume_producer", "ring_newest(ring, load_acquire(&ring.header.head))",
         "load_acquire(&ring.header.head)"), "goes on after", ("wait", 2, 3, (1, 0))),
    "head shown without release": (
        ("ring_show_head", "store_release", "store_relaxed"), "goes on after",
        ("wait", 2, 3, (1, 0))),
    "promised without release": (
        ("edge_promise", "store_release", "store_relaxed"), "promised", ("promise", 2, 3)),
    "promise seen without acquire": (
        ("edge_progress", "load_acquire", "load_relaxed"), "promised", ("promise", 2, 3)),
    "overwritten without zero": (
        ("ring_overwrite", ZERO, ""), "is whole", ("drop", 2, 4)),
    "overwritten without fence": (
        ("ring_overwrite", "fence_release()", "pass"), "is whole", ("drop", 2, 4)),
    "newest published without release": (
        ("ring_overwrite", WRITE, WRITE.replace("release", "relaxed")), "is whole", ("drop", 2, 4)),
    "copied without fence": (
        ("ring_copy_next", "fence_acquire()", "pass"), "is whole", ("drop", 2, 4)),
    "copied without acquire": (
        ("ring_copy_next", "sequence = load_acquire", "sequence = load_relaxed"), "is whole",
        ("drop", 2, 4)),
    "copied and not looked at again": (
        ("ring_copy_next", "load_relaxed(&slot.words[0]) == sequence", "True"), "is whole",
        ("drop", 2, 4)),
    "a lap that isn't counted": (
        ("ring_copy_next", "ring.lost += resumed - ring.cursor", "pass"), "seen and lost",
        ("drop", 2, 4)),
    "lost without its cursor": (
        ("ring_resume_consumer", "ring.cursor >= load_acquire(&ring.header.lost_from)", "True"),
        "lost belongs", ("drop", 2, 3, (0, 1))),
    "the newest not looked at again": (
        ("ring_latest", "load_relaxed(&slot.words[0]) == ring.newest", "True"), "is whole",
        ("onlook", 2, 4)),
    "a view without fence": (
        ("show_book", "fence_release()", "pass"), "a view is whole", ("view", 0, 3)),
    "a view without release": (
        ("show_book", "store_release", "store_relaxed"), "a view is whole", ("view", 0, 3)),
    "a view in one copy": (
        ("show_book", "shown.view_version % 2 == 0", "1 == 1"), "a view is whole", ("view", 0, 4)),
    "armed without fence": (
        ("wake_arm", "full_fence()", "pass"), "nothing leads to the end", ("park", 2, 2)),
    "woken without fence": (
        ("wake", "full_fence()", "pass"), "nothing leads to the end", ("park", 2, 2)),
}  # fmt: skip


def mutated(code, function, old, new):
    """The texts with one function changed."""
    for name, text in code.items():
        head = re.search(rf"^cdef [^\n]*\b{function}\(", text, re.MULTILINE)
        if head is not None:
            end = text.find("\ncdef ", head.end())
            end = len(text) if end < 0 else end
            body = text[head.end() : end]
            assert old in body, f"{function} has no {old!r}: the mutant must follow the code"
            return {**code, name: text[: head.end()] + body.replace(old, new, 1) + text[end:]}
    raise AssertionError(f"no function {function}")


@pytest.mark.parametrize(
    ("change", "found", "bounds"),
    MUTANTS.values(),
    ids=MUTANTS.keys(),
)
def test_a_mutant_is_found(change, found, bounds):
    """The counterexample is an interleaving with the lines of the code."""
    result = model(*bounds, code=mutated(CODE, *change)).run()
    assert found in result.failure.splitlines()[0]
    assert ".pxd:" in result.failure
