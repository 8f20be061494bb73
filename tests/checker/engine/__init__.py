"""The compiled engine's own tests: what the oracle has no counterpart for."""
