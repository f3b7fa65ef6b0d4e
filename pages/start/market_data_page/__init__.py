"""Market data: files coming in, and one module a tab; templates stand beside what was read."""
