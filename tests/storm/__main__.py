"""A storm over one ring; says what it saw as JSON. Status 1 if anything was wrong.

python -m tests.storm --messages 1000000000 --policy wait --cores 0,1
"""

import argparse
import json
import mmap
import os
import random
import signal
import sys
import time

import numpy as np

from hft.core.ring import Ring, RingPolicy
from tests.shared_memory import fresh_ring
from tests.storm import native

PATIENCE_S = 120  # without progress


class Side:
    """A process at one end, by fork: it is there in a millisecond."""

    def __init__(self, run, name, page, last, core, seed):
        self.run, self.name, self.page, self.last, self.core = run, name, page, last, core
        self.random = random.Random(seed)
        self.kills = self.stops = 0
        self.start()

    def start(self):
        seed = self.random.getrandbits(63)
        self.pid = os.fork()
        if self.pid == 0:
            status = 2
            try:
                os.sched_setaffinity(0, {self.core})
                status = self.run(Ring.attach(self.name), self.page, self.last, seed)
            finally:
                os._exit(status)
        self.status = None

    def is_over(self):
        """Whether it ended by itself."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)

    def strike(self, kills):
        """Kill it and start another, or stop it for up to 30 ms."""
        if self.is_over():
            return
        if kills and self.random.random() < 0.5:
            self.kill()
            if self.status == -signal.SIGKILL:  # else it had ended just before
                self.kills += 1
                self.start()
        else:
            os.kill(self.pid, signal.SIGSTOP)
            time.sleep(self.random.random() * 0.03)
            os.kill(self.pid, signal.SIGCONT)
            self.stops += 1


def storm(messages, policy, capacity, cores, seed, pause_s, kills):
    sides = native.load()
    page = np.frombuffer(mmap.mmap(-1, 4096), np.uint64)[: sides.NOTES]
    page[sides.GO_ON] = 1
    rng = random.Random(seed)
    drops = policy == "drop"
    started = time.monotonic()
    with fresh_ring(capacity, RingPolicy.RING_DROP if drops else RingPolicy.RING_WAIT) as ring:
        runs = (sides.produce, sides.watch if drops else sides.consume)
        both = [
            Side(run, ring.name, page, messages, core, seed + place)
            for place, (run, core) in enumerate(zip(runs, cores, strict=True))
        ]
        progress, deadline = -1, 0.0
        try:
            while not all([side.is_over() for side in both]):
                if any(side.status for side in both):
                    break
                now = int(page[sides.PUSHED] + page[sides.TAKEN] + page[sides.SEEN_CURSOR])
                if now != progress:
                    progress, deadline = now, time.monotonic() + PATIENCE_S
                elif time.monotonic() > deadline:
                    break
                time.sleep(rng.uniform(0, 2 * pause_s))
                rng.choice(both).strike(kills)
        finally:
            page[sides.GO_ON] = 0
            for side in both:
                if not side.is_over():
                    side.kill()
        end = Ring.attach(ring.name)
        return {
            "messages": messages,
            "policy": policy,
            "capacity": capacity,
            "cores": cores,
            "seed": seed,
            "seconds": round(time.monotonic() - started, 1),
            "statuses": [side.status for side in both],
            "fault": sides.FAULTS[page[sides.FAULT]],
            "where": page[sides.FAULT + 1 : sides.FAULT + 3].tolist(),
            "published": int(page[sides.PUSHED]),
            "taken": int(page[sides.TAKEN]),
            "again": int(page[sides.AGAIN]),
            "lost": end.lost,
            "kills": [side.kills for side in both],
            "stops": [side.stops for side in both],
            "started": [int(page[sides.PRODUCERS]), int(page[sides.CONSUMERS])],
        }


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000_000)
    parser.add_argument("--policy", choices=("wait", "drop"), default="wait")
    parser.add_argument("--capacity", type=int, default=1024)
    parser.add_argument("--cores", default="0,1", help="of producer and consumer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.05, help="mean s from strike to strike")
    parser.add_argument("--no-kills", action="store_true", help="stop them only")
    given = parser.parse_args()
    cores = [int(core) for core in given.cores.split(",")]
    seen = storm(
        *(given.messages, given.policy, given.capacity, cores),
        *(given.seed, given.pause, not given.no_kills),
    )
    print(json.dumps(seen))
    return int(seen["statuses"] != [0, 0])


if __name__ == "__main__":
    sys.exit(main())
