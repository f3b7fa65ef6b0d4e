"""Runs on disk: checkpoints, and jobs that outlive the page that started them."""
