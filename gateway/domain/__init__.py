"""Ids, records, ports and errors: what every other package speaks. Standard library only."""
