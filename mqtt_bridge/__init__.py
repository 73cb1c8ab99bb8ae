"""The contract with the central server: topics and payloads (pure), client, publisher.

Tells what the controller decided; decides nothing itself.
"""

from config.partly import load_partly

load_partly("urllib.request")  # paho asks it for a proxy, and only beside PySocks, which we do not have
