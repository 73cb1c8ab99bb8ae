"""Tests of firmware_py/wiring."""
