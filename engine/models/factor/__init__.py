"""Factor models of the surface: principal components with Gaussian or Ornstein-Uhlenbeck dynamics."""
