"""`floorguard decommission`: the broker forgets this site. The daemon must be stopped.

Empties every retained topic that the controller ever wrote, as it remembers them beside its journal.
"""

import argparse
import asyncio
import fcntl
import os
import sys
from pathlib import Path

from config.faults import ConfigError
from config.floor import state_directory
from config.site import load_site
from firmware_py.cli.codes import Code
from firmware_py.ports import DeviceError
from firmware_py.runtime.disk import Disk
from firmware_py.wiring.bridge import bridge_settings
from firmware_py.wiring.kept import TopicMemory
from mqtt_bridge.decommission import empty_topics, own_topics


def run(args: argparse.Namespace) -> int:
    """Empty the topics of one site."""
    try:
        site = load_site(Path(args.config))
        if site.mqtt is None:
            print("this site has no [mqtt]; there is nothing to empty", file=sys.stderr)
            return Code.CHECK
        settings = bridge_settings(site, os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return Code.CHECK
    directory = state_directory(site, os.environ)
    if _is_running(directory):
        print(
            "the controller is running and would say everything again; first: systemctl stop floorguard",
            file=sys.stderr,
        )
        return Code.FAILED
    memory = TopicMemory(directory, Disk())
    topics = own_topics(settings, memory.recall())
    try:
        answers = asyncio.run(empty_topics(settings, topics))
        asyncio.run(memory.remember(frozenset(topic for topic, why in answers.items() if why)))
    except DeviceError as error:
        print(f"{error}; nothing was forgotten, try again", file=sys.stderr)
        return Code.UNREACHABLE
    for topic, why in answers.items():
        print(f"{topic}: {why or 'empty'}")
    print(f"{settings.root}/v1/{settings.site}/cursor is the central server's: empty it there", file=sys.stderr)
    return Code.FAILED if any(answers.values()) else Code.OK


def _is_running(directory: Path) -> bool:
    try:
        handle = os.open(directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
