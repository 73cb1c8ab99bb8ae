"""The contract with the central server: topics and payloads (pure), client, publisher.

Tells what the controller decided; decides nothing itself.
"""
