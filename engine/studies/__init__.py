"""Studies: one thesis chapter or app page each; configuration and data in, a result to save, chart and compare out."""
