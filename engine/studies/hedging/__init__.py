"""The hedging experiment (SPEC 3)."""
