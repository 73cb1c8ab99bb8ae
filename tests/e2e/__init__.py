"""Acceptance: the real daemon as a subprocess, against a floor of real protocols on loopback, as issue 2 wants it."""
