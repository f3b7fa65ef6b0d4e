"""The name that notebooks know for :func:`engine.models.registry.surface_model`."""

from engine.models.registry import surface_model

__all__ = ["surface_model"]
