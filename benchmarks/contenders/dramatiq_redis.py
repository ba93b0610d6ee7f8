"""Dramatiq on Redis: its command line starts the workers, which are other processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import dramatiq
import recorder
import redis
from contender import SECOND, Contender, Order
from dramatiq.brokers.redis import RedisBroker

LONGEST_DELAY = 6 * 86_400 * 1_000
"""Milliseconds; the broker forgets messages after seven days."""

broker = RedisBroker(url=os.environ.get("BENCH_SERVER", "redis://127.0.0.1:6379/0"))
dramatiq.set_broker(broker)
note = dramatiq.actor(recorder.note, actor_name="note", max_retries=0)


class DramatiqRedis(Contender):
    """Two processes of eight threads; their callbacks note into a file."""

    def __init__(self, folder: Path, server: str = "") -> None:
        super().__init__(folder, server)
        self.redis = redis.Redis.from_url(server)
        self.workers: subprocess.Popen[bytes] | None = None
        self.pending = 0

    def fill(self, pending: int) -> None:
        """There is no quicker way than to send each."""
        self.redis.flushall()
        for index in range(pending):
            note.send_with_options(args=(index, 0), delay=LONGEST_DELAY)

    def open(self) -> None:
        self.pending = self.left()

    def start(self) -> None:
        program = Path(sys.executable).with_name("dramatiq")
        self.workers = subprocess.Popen(
            [program, "contenders.dramatiq_redis", "--processes", "2", "--threads", "8"],
            cwd=Path(__file__).parents[1],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(3)

    def stop(self) -> None:
        self._spun.set()
        if self.workers is not None:
            self.workers.terminate()
            self.workers.wait(30)

    def schedule(self, order: Order) -> None:
        delay = (order.due - time.time_ns()) * 1_000 // SECOND
        note.send_with_options(args=tuple(order), delay=max(1, min(delay, LONGEST_DELAY)))

    def left(self) -> int:
        queues = ("dramatiq:default.msgs", "dramatiq:default.DQ.msgs")
        return sum(int(self.redis.hlen(queue)) for queue in queues) - self.pending  # type: ignore[arg-type]

    def asked(self) -> int:
        return int(self.redis.info("stats")["total_commands_processed"])  # type: ignore[index]
