"""Tests of the shell on a virtual clock."""
