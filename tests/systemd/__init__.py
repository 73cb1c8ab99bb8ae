"""The service as its unit file has it, lived through without systemd, and its installation into a folder.

The confinement is judged by systemd-analyze; nothing here is imported by the product.
"""
