"""The one training loop, and what every generator needs around it."""
