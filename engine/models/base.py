"""The name that notebooks know for :func:`engine.models.surface_model.surface_model`."""

from engine.models.surface_model import surface_model

__all__ = ["surface_model"]
