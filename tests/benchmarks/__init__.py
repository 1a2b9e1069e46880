"""The program's speed and memory, each figure beside a reference on the same machine.

    python3 -m tests.benchmarks

measure.py runs processes and measures them; start.py, distance.py, contexts.py and stream.py have the measurements.
"""
