"""The simulation is a program of a few files beside its tests: they find each other by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
