"""Tests of firmware_py/runtime."""
