"""Tocsin: a durable scheduler made of supervised actors."""

__version__ = "0.1.0"
