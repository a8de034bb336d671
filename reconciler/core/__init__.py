"""Decisions. Pure: no IO, no clock, no randomness, no async; every value is frozen."""
