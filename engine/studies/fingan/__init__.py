"""Fin-GAN's study (SPEC 4)."""
