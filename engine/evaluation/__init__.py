"""Is a generator right? Proper scores, calibration tests, distances between laws, and comparisons with intervals."""
