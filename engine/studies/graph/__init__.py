"""The study of graph ensembles (SPEC 5)."""
