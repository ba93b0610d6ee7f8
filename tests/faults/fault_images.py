"""What may be on a disk after a power cut, by the record of what was written and synced.

What a sync ordered is there. Of everything else that had begun, any sector may be there or not,
whatever the order; of files made, linked or removed without a sync of their folder, the first few.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fault_recording import Change, Step

SECTOR = 512
FOLDER = 0
WAYS = ("none", "some", "first", "torn", "torn", "all")
"""What survives of what was not synced: see `Disk._survivors`."""


@dataclass
class Disk:
    """A folder on a disk, moved on step by step.

    Attributes:
        durable: file -> its content, as far as syncs have ordered it.
        pending: what has begun and is not ordered by a sync yet, in order.
        names: name -> file, as far as syncs of the folder have ordered it.
        renamings: the rest.
        said: journal -> its lines so far.
    """

    durable: dict[int, bytearray] = field(default_factory=dict)
    pending: dict[int, list[Change]] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    renamings: list[Change] = field(default_factory=list)
    said: dict[str, list[bytes]] = field(default_factory=dict)
    _ended: set[Change] = field(default_factory=set)
    _covered: dict[Change, list[Change]] = field(default_factory=dict)

    def move_on(self, step: Step) -> None:
        """One more step of the record has happened."""
        change = step.change
        if change is None:
            self.said.setdefault(step.journal, []).append(step.line)
        elif change.kind == "sync":
            self._sync(change, step.what)
        elif step.what == "ends":
            self._ended.add(change)
        elif change.kind in {"write", "cut"}:
            self.pending.setdefault(change.file, []).append(change)
        else:
            self.renamings.append(change)

    def _sync(self, sync: Change, what: str) -> None:
        waiting = self.renamings if sync.file == FOLDER else self.pending.get(sync.file, [])
        if what == "begins":
            self._covered[sync] = [change for change in waiting if change in self._ended]
            return
        covered = self._covered.pop(sync)
        for change in covered:
            if change not in waiting:
                continue  # another sync of the same file has ended meanwhile
            waiting.remove(change)
            self._ended.discard(change)
            if sync.file == FOLDER:
                rename(self.names, change)
            else:
                write(self.durable.setdefault(sync.file, bytearray()), change)

    def image(self, folder: Path, way: str, chance: random.Random) -> None:
        """Make the files that somebody finds who switches the power on again."""
        names = dict(self.names)
        first = {"none": 0, "all": len(self.renamings)}.get(way)
        kept = chance.randint(0, len(self.renamings)) if first is None else first
        for change in self.renamings[:kept]:
            rename(names, change)
        for name, file in names.items():
            content = bytearray(self.durable.get(file, b""))
            for change in self._survivors(self.pending.get(file, []), way, chance):
                write(content, change)
            (folder / name).write_bytes(content)

    def _survivors(
        self, pending: list[Change], way: str, chance: random.Random
    ) -> Iterable[Change]:
        """What is there of the writes that no sync has ordered."""
        match way:
            case "none":
                return []
            case "all":
                return pending
            case "first":
                return pending[: chance.randint(0, len(pending))]
            case "some":
                return [change for change in pending if chance.random() < 0.5]
        share = chance.random()
        return [
            sector for change in pending for sector in sectors(change) if chance.random() < share
        ]


def write(content: bytearray, change: Change) -> None:
    """Bring one change into a file."""
    if change.kind == "cut":
        del content[change.offset :]
        content.extend(bytes(change.offset - len(content)))
        return
    end = change.offset + len(change.data)
    content.extend(bytes(max(0, end - len(content))))
    content[change.offset : end] = change.data


def rename(names: dict[str, int], change: Change) -> None:
    """Bring one change into a folder."""
    match change.kind:
        case "create":
            names[change.name] = change.file
        case "link" if change.name in names:
            names[change.target] = names[change.name]
        case "rename" if change.name in names:
            names[change.target] = names.pop(change.name)
        case "unlink":
            names.pop(change.name, None)


def sectors(change: Change) -> Iterable[Change]:
    """A write in the pieces that a disk writes whole or not at all."""
    if change.kind == "cut":
        yield change
        return
    at, end = change.offset, change.offset + len(change.data)
    while at < end:
        until = min(end, (at // SECTOR + 1) * SECTOR)
        data = change.data[at - change.offset : until - change.offset]
        yield Change("write", change.file, data, at)
        at = until
