"""The mathematics of volatility surfaces: pricing, static arbitrage, and what is read off a surface."""
