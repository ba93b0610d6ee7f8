"""Asks again and again, as anybody in another process would, how a service is.

python fault_watcher.py DATABASE
"""

import sys
import time

from tocsin import Tocsin

if __name__ == "__main__":
    app = Tocsin(f"sqlite:///{sys.argv[1]}")
    while True:
        began = time.time()
        sys.stdout.write(f"{began} {app.health().status}\n")
        sys.stdout.flush()
        time.sleep(0.1)
