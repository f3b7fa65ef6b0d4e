"""Generators: one file per family, found by name in the registry of ``engine.models.surface_model``."""
