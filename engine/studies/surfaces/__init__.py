"""Chapter 2 on any surfaces: arbitrage, components, factor models (SPEC 1)."""
