"""Measurements that print a table; run by hand (`python -m bench.surge`), and their small shares by the tests."""
