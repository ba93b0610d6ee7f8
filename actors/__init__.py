"""Actors: the only code with inboxes."""
