"""The broker of one run: mosquitto where it is installed, else amqtt inside this process, which speaks 3.1.1 only.

Anonymous, on the loopback, with nothing kept. It must not know topics.
"""

import asyncio
import getpass
import logging
import shutil
import socket
from pathlib import Path
from typing import Protocol

from firmware_py.demo.process import Child

HOST = "127.0.0.1"
START_S = 10.0
_TRIES = 3
# Debian keeps daemons where an ordinary user's PATH does not look.
_FOLDERS = "/usr/sbin:/usr/local/sbin"


class BrokerFailed(RuntimeError):
    """No broker could be started."""


class Broker(Protocol):
    """What the floor needs of either."""

    port: int
    old_mqtt: bool
    name: str

    async def stop(self) -> None:
        """End it."""


class Mosquitto:
    """A subprocess with a configuration of its own."""

    old_mqtt = False
    name = "mosquitto"

    def __init__(self, child: Child, port: int) -> None:
        self._child, self.port = child, port

    @classmethod
    async def start(cls, program: str, folder: Path) -> "Mosquitto":
        """Start it on a free port. BrokerFailed when it does not listen."""
        words = ""
        for _ in range(_TRIES):  # somebody may take the port between our look and its bind
            port = find_port()
            settings = folder / "mosquitto.conf"
            lines = [f"listener {port} {HOST}", f"user {getpass.getuser()}", "allow_anonymous true"]
            settings.write_text("\n".join([*lines, "persistence false", "log_dest stdout"]) + "\n")
            child = await Child.start([program, "-c", str(settings)], folder / "broker.log")
            if await _listens(port, child):
                return cls(child, port)
            await child.stop()
            words = child.last_words(3)
        raise BrokerFailed(f"mosquitto does not start: {words}")

    async def stop(self) -> None:
        """End it."""
        await self._child.stop()


class Embedded:
    """amqtt in this process."""

    old_mqtt = True
    name = "amqtt"

    def __init__(self, port: int) -> None:
        from amqtt.broker import Broker as Amqtt

        # It speaks at length about every client that comes and goes.
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.port = port
        self._broker = Amqtt(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}", "max_connections": 20}},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            }
        )

    @classmethod
    async def start(cls) -> "Embedded":
        """Start it on a free port."""
        broker = cls(find_port())
        await broker._broker.start()
        return broker

    async def stop(self) -> None:
        """End it."""
        await self._broker.shutdown()


async def start_broker(folder: Path) -> Broker:
    """Whichever there is. BrokerFailed when there is none."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path=_FOLDERS)
    if program is not None:
        return await Mosquitto.start(program, folder)
    try:
        return await Embedded.start()
    except ImportError:
        raise BrokerFailed("no broker: install mosquitto, or amqtt into .venv (make run does)") from None


def find_port() -> int:
    """A TCP port of the loopback that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def _listens(port: int, child: Child) -> bool:
    deadline = asyncio.get_running_loop().time() + START_S
    while child.exit_code is None and asyncio.get_running_loop().time() < deadline:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return True
    return False
