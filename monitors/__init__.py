"""What to watch and what it means: declarations of conditions, alarms and requests, no callbacks.

Pure, like the core; knows no protocol, no device library and no clock.
"""
