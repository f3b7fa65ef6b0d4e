"""Fin-GAN (SPEC 4) and its benchmarks: ForGAN, LSTM, LSTM-Fin, ARIMA on half-day excess returns."""
