"""Runs: directories that jobs write and everyone reads.

* ``run_directory`` says what lies where, ``tensor_file`` and ``cards`` what files hold, ``checkpoints`` finds models;
* ``worker`` trains in a run, ``studies`` carries out a study in one, ``compute`` spreads its blocks;
* ``jobs`` starts processes and finds them again, ``progress_log`` is what they report.
"""
