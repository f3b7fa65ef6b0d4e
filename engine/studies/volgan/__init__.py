"""VolGAN's validation (SPEC 2)."""
