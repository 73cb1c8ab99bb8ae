"""A durable central server in one file: every event of every floor exactly once in a SQLite table, in order.

python consumer.py events.db HOST PORT [CA CERT KEY]. The row and the number that is expected next go into one
transaction; the cursor is published only after it. Kill it at any moment: the controllers send again what is missing.
"""

import json
import sqlite3
import sys

import paho.mqtt.client as mqtt

file, host, port, *tls = sys.argv[1:]
db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA synchronous=FULL")  # a cursor says: this is on my disk
db.execute("CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, site TEXT, log TEXT, seq INT, type TEXT, body TEXT)")
db.execute("CREATE TABLE IF NOT EXISTS expected (site TEXT, log TEXT, seq INT, PRIMARY KEY (site, log))")


def on_connect(client, userdata, flags, reason, properties):
    client.subscribe("floor/v1/+/event", qos=1)


def on_message(client, userdata, message):
    site = message.topic.split("/")[2]
    try:
        event = json.loads(message.payload)
        log, seq, ack, kind, data = (event[key] for key in ("log", "seq", "ack", "type", "data"))
    except (ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{message.topic}: not an event: {error!r}\n")
        return
    found = db.execute("SELECT seq FROM expected WHERE site = ? AND log = ?", (site, log)).fetchone()
    # What the controller counts as confirmed will not come again, whoever confirmed it.
    expected = max(found[0], ack + 1) if found else ack + 1
    gap = kind == "journal.gap" and data.get("from", seq) <= expected <= seq
    if seq == expected or gap:
        expected = seq + 1
        db.execute("BEGIN")
        row = (event["id"], site, log, seq, kind, json.dumps(event))
        db.execute("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?)", row)
        db.execute("INSERT OR REPLACE INTO expected VALUES (?, ?, ?)", (site, log, expected))
        db.execute("COMMIT")
    client.publish(f"floor/v1/{site}/cursor", json.dumps({"log": log, "seq": expected - 1}), qos=1, retain=True)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "central", protocol=mqtt.MQTTv5)
client.on_connect, client.on_message = on_connect, on_message
client.reconnect_delay_set(1, 30)
if tls:
    client.tls_set(*tls)
client.connect_async(host, int(port), keepalive=15)
client.loop_forever(retry_first_connection=True)
