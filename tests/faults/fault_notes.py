"""What a service under load writes down outside its database, and what is read from it.

Each line is one `write` to a file opened for appending: whatever kills the process, a line is there
whole or not at all, and in the order in which things happened.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Journal:
    """An append-only file of JSON lines, shared by threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, **fields: Any) -> None:
        """Append one line, with the present time unless one is given."""
        line = json.dumps({"at": time.time(), **fields}, separators=(",", ":"))
        os.write(self._handle, line.encode() + b"\n")


@dataclass
class Reader:
    """Reads a journal further and further."""

    path: Path
    offset: int = 0

    def count(self) -> int:
        """How many lines there are."""
        return self.path.read_bytes().count(b"\n") if self.path.exists() else 0

    def news(self) -> Iterator[dict[str, Any]]:
        """The lines that came since the last look."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self.offset)
            content, end, _ = file.read().rpartition(b"\n")  # the last line may be on its way
        self.offset += len(content + end)
        for line in content.splitlines():
            yield json.loads(line)
