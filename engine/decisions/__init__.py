"""What to do about tomorrow: hedges, bets and portfolios from weighted scenarios."""
