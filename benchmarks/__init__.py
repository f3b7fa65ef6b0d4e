"""Speed figures: ``python -m benchmarks.<name>`` prints one JSON line and never fails a build."""
