"""Layers around a transport: how long and how often to try is policy, the same for all sources."""
