"""Studies: every table of one question, step by step, resumable; ``base`` says what a study is and lists them."""
