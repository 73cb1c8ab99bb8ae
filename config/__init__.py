"""The site file: strict loading with file, line and column; the example sites, profiles and texts are data beside it.

Knows what a site may say; knows no driver, no task and no clock.
"""
