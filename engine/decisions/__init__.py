"""What a forecast is for: trades, hedges and mixtures of generators."""
