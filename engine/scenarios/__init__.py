"""Weighted futures: what every surface model returns and every decision consumes."""
