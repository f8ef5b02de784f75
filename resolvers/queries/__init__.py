"""The Query root."""
