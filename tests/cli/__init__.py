"""Tests of firmware_py/cli."""
