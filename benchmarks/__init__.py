"""Speed and memory of limeform against named peers, as ratios in one run on the same data.

``python -m benchmarks`` from the root of the checkout, with limeform's own Python, runs every section, prints the
tables and rewrites those sections of ``benchmarks/RESULTS.md``.  ``sh benchmarks/setup_peers.sh`` installs the peers.
"""
