"""Writes: the only place that may claim that something happened at a source."""
