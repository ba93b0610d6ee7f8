"""Executors: how a call runs. Know core only."""
