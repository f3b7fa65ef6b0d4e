"""The simulated market, whose law is known: what every generator can be held against."""
