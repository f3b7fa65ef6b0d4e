"""Fin-GAN, a conditional GAN of the next half-day's return, its LSTM benchmarks, and baselines without networks.

``networks`` has settings, losses, shapes and stacks of trained networks; ``sampling`` draws and forecasts.
``stacked_training`` trains many members at once: ``training`` is Fin-GAN's kind, ``lstm`` the benchmarks'; ``kernel``
and ``recurrent_kernels`` are compiled, ``torch_backend`` does the same by autograd on a graphics card.
``forecast_baselines`` are ARIMA and its like.
"""
