"""The imperative shell: clock, point table, pollers, cycle, writer, journal, state file, watchdog.

Runs the core and owns time, tasks and files; knows no protocol and no policy.
"""
