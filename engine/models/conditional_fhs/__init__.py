"""Conditional filtered historical simulation: past innovations on today's volatility, with a conditional mean."""
