"""Storage: one database behind one URL. Knows core only."""
