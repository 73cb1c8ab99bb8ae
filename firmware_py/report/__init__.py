"""Reports that people read, print and file: what is said (`incident`, `month`, `shift`) and how it looks (`render_*`).

Pure: from documents of the book to pages. Knows no socket, no file and no clock.
"""
