"""The mathematics of implied volatility surfaces.

* prices and vols: ``black_scholes``, ``parity``;
* from quotes to surfaces: ``quote_cleaning``, ``arbitrage_free``, ``nadaraya_watson``, ``ssvi``,
  ``smoothing``, ``levels``, ``synthetic_quotes``;
* static arbitrage: ``arbitrage`` measures it, ``arbitrage_repair`` removes it, ``arbitrage_report`` tells of it;
* how surfaces move: ``principal_components``, ``ornstein_uhlenbeck``, ``factor_model``, ``dynamics``;
* ``vix`` is the volatility index; ``kernels`` are the compiled loops.
"""
