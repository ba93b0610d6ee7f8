"""Notifiers: one file per channel. Know core only."""
