"""VolGAN (SPEC 2): a conditional adversarial network for tomorrow's return and surface."""
