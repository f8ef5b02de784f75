"""Measurements. README.md beside this says what they mean; `make bench` runs them."""
