"""Where things are unless somebody says otherwise.

Knows no verb.
"""

DEFAULT_SITE = "/etc/floorguard/site.toml"
