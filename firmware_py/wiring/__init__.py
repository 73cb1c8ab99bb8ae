"""What joins the parts: drivers built from the site, and the small adapters between shell, stores and bridge.

Only `app` uses it. It must not decide anything.
"""
