"""A corpus of hostile pull requests: each is a project as a stranger would commit it, with the commands that meet it.

    python -m tests.hostile [NAME...]      runs the cases and prints a table; exit code 1 if a rule is broken

Every command runs as a process of its own, with limits of CPU time and memory. The rules of `case.py` must hold for all.
"""
