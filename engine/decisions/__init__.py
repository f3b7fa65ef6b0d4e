"""What to do with scenarios: ``hedging`` of options, bets on returns (``forecasting``), shared generators."""
