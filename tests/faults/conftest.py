"""The campaigns are programs of a few files beside their tests: they find each other by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
