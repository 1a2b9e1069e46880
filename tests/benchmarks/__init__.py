"""How fast the program is and how much memory it takes, each figure beside a reference on the same machine.

    python3 -m tests.benchmarks

measure.py runs and weighs processes; start.py, distance.py, contexts.py and stream.py are the measurements.
"""
