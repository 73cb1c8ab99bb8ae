"""The phone exchange of the simulated floor: a manager interface on loopback that answers as Asterisk 22 does.

Only what drivers/pbx.py asks is there; tests/wires/test_pbx_parity.py holds its answers against a real Asterisk.
It can be hung (`silent`), talk nonsense (`garbage`), stop and boot again. It must not know who asks it or why.
"""

import asyncio
import hashlib
import re
from collections import deque
from collections.abc import Callable
from dataclasses import field

from config.valued import dataclass
from drivers.ami import Decoder, Packet
from firmware_py.ports import DeviceError

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
NONSENSE = bytes(range(128, 256)) * 80 + b"\r\n"
REFUSE_S = 1.0  # how long a real one waits before it says that a secret is wrong
CLIENT_LIMIT = 16
VARIABLE = re.compile(r"([A-Z_]+)\(([^,()]+)(?:,([a-z]+))?\)")


@dataclass(slots=True, kw_only=True)
class SimTrunk:
    """One trunk as the floor's script bends it. `status` and `registered` in Asterisk's words; `groups` are counts."""

    endpoint: str
    groups: dict[str, int] = field(default_factory=dict)
    registration: str = ""
    status: str = "Reachable"
    registered: str = "Registered"
    rtt_us: int = 900

    @property
    def uri(self) -> str:
        """The far end's address, made up."""
        return f"sip:{self.endpoint}.invalid"

    @property
    def contact(self) -> str:
        """The id of its one static contact."""
        return f"{self.endpoint}@@{hashlib.md5(self.uri.encode(), usedforsecurity=False).hexdigest()}"

    @property
    def device(self) -> str:
        """The endpoint's device state."""
        if self.status != "Reachable":
            return "UNAVAILABLE"
        return "INUSE" if any(self.groups.values()) else "NOT_INUSE"


class SimExchange:
    """The exchange; `on_gate` is told each device state that somebody sets (name, closed)."""

    def __init__(
        self,
        trunks: tuple[SimTrunk, ...],
        *,
        user: str,
        secret: str,
        on_gate: Callable[[str, bool], None] | None = None,
    ) -> None:
        self.trunks = {trunk.endpoint: trunk for trunk in trunks}
        self.device_states: dict[str, str] = {}
        self.garbage = False
        self.log: deque[tuple[str, str]] = deque(maxlen=500)  # (action, what about), the newest last
        self._user, self._secret = user, secret
        self._on_gate = on_gate
        self._server: asyncio.Server | None = None
        self._clients: set[_Client] = set()
        self._speaking = asyncio.Event()
        self._speaking.set()
        self._booted_s: float | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1, known after `start`; stays the same over a restart."""
        return self._port

    @property
    def silent(self) -> bool:
        """Connections stay, nothing is answered; what was asked meanwhile is answered late, as by a stopped process."""
        return not self._speaking.is_set()

    @silent.setter
    def silent(self, silent: bool) -> None:
        if silent:
            self._speaking.clear()
        else:
            self._speaking.set()

    async def start(self, port: int = 0, boot_s: float = 0.0, uptime_s: float = 0.0) -> None:
        """Listen; logins are accepted at once, the modules are there after `boot_s`.

        `uptime_s`: with no boot to wait for, how long it claims to have been up already.
        """
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port or self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        if boot_s > 0:
            asyncio.get_running_loop().call_later(boot_s, self._finish_boot, self._server)
        else:
            self._finish_boot(self._server)
            self._booted_s = asyncio.get_running_loop().time() - uptime_s

    async def stop(self) -> None:
        """As a kill does: every connection is cut without a word. Device states are kept (AstDB)."""
        self._booted_s = None
        server, self._server = self._server, None
        clients = list(self._clients)
        for client in clients:
            client.cut()
        if server is not None:
            server.close()
            await server.wait_closed()
        await asyncio.gather(*(client.task for client in clients), return_exceptions=True)

    async def restart(self, down_s: float = 0.2, boot_s: float = 0.3) -> None:
        """Stop and start on the same port."""
        await self.stop()
        await asyncio.sleep(down_s)
        await self.start(boot_s=boot_s)

    def set_status(self, endpoint: str, status: str) -> None:
        """Change what qualifying a trunk finds (`Reachable`, `Unreachable`, ...) and tell everybody."""
        trunk = self.trunks[endpoint]
        changed, trunk.status = trunk.status != status, status
        if changed:
            rtt = str(trunk.rtt_us if status == "Reachable" else 0)
            peer = {"ChannelType": "PJSIP", "Peer": f"PJSIP/{endpoint}", "PeerStatus": status}
            self._tell("PeerStatus", peer)
            contact = {"URI": trunk.uri, "ContactStatus": status, "AOR": endpoint, "EndpointName": endpoint}
            self._tell("ContactStatus", contact | {"RoundtripUsec": rtt})

    @property
    def booted_s(self) -> float | None:
        """Loop time of the end of the boot, None before."""
        return self._booted_s

    def log_in(self, user: str, secret: str) -> bool:
        """Whether these are ours."""
        return (user, secret) == (self._user, self._secret)

    async def hold(self) -> None:
        """Wait while silent."""
        await self._speaking.wait()

    def forget(self, client: "_Client") -> None:
        """A connection has ended."""
        self._clients.discard(client)

    def get_variable(self, name: str) -> str:
        """What Getvar finds; '' for everything unknown, as Asterisk does."""
        match = VARIABLE.fullmatch(name)
        if match is None:
            return ""
        function, subject, part = match.groups()
        if function == "DEVICE_STATE":
            return self._device_state(subject)
        if function == "GROUP_COUNT":
            return str(sum(trunk.groups.get(subject, 0) for trunk in self.trunks.values()))
        if self._booted_s is None:  # the PJSIP functions come with a module
            return ""
        if function == "PJSIP_AOR" and part == "contact" and subject in self.trunks:
            return self.trunks[subject].contact
        if function == "PJSIP_CONTACT":
            return self._contact(subject, part)
        return ""

    def set_variable(self, name: str, value: str) -> None:
        """What Setvar changes: custom device states and nothing else."""
        match = VARIABLE.fullmatch(name)
        if match is None or match[1] != "DEVICE_STATE" or not match[2].startswith("Custom:"):
            return
        self.device_states[match[2]] = value
        if self._on_gate is not None:
            self._on_gate(match[2], value == "INUSE")

    def _device_state(self, subject: str) -> str:
        if subject.startswith("Custom:"):
            return self.device_states.get(subject, "UNKNOWN")
        trunk = self.trunks.get(subject.removeprefix("PJSIP/"))
        return trunk.device if trunk is not None else "INVALID"

    def _contact(self, contact: str, part: str | None) -> str:
        trunk = next((trunk for trunk in self.trunks.values() if trunk.contact == contact), None)
        if trunk is None:
            return ""
        if part == "status":
            return trunk.status
        return str(trunk.rtt_us) if trunk.status == "Reachable" else "N/A"

    def _finish_boot(self, server: asyncio.Server) -> None:
        if server is self._server:  # and was not stopped while it booted
            self._booted_s = asyncio.get_running_loop().time()
            self._tell("FullyBooted", {"Uptime": "0", "LastReload": "0", "Status": "Fully Booted"})

    def _tell(self, event: str, headers: dict[str, str]) -> None:
        for client in self._clients:
            client.tell(event, headers)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= CLIENT_LIMIT:
            writer.transport.abort()
            return
        client = _Client(self, reader, writer)
        self._clients.add(client)
        await client.serve()


class _Client:
    """One manager session."""

    def __init__(self, exchange: SimExchange, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self._exchange, self._reader, self._writer = exchange, reader, writer
        self._inside = False

    async def serve(self) -> None:
        """Answer until the other side leaves, talks nonsense or is cut off."""
        decoder = Decoder(banner=False)
        try:
            self._writer.write(GREETING)
            while data := await self._reader.read(8192):
                for packet in decoder.feed(data):
                    await self._exchange.hold()
                    assert isinstance(packet, Packet)
                    await self._answer(packet)
                    await self._writer.drain()
        except (DeviceError, OSError, asyncio.CancelledError):
            pass  # not our language, gone, or cut off (asyncio 3.11 would log a cancelled session as an error)
        finally:
            self._exchange.forget(self)
            self._writer.transport.abort()

    def cut(self) -> None:
        """End the session from outside, with a reset."""
        self._writer.transport.abort()
        self.task.cancel()

    def tell(self, event: str, headers: dict[str, str]) -> None:
        """Send one event to a session that is logged in."""
        if self._inside and not self._exchange.silent:
            self._send({"Event": event, "Privilege": "system,all"} | headers)

    def _send(self, headers: dict[str, str]) -> None:
        block = "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        self._writer.write(NONSENSE if self._exchange.garbage else block.encode())

    def _respond(self, packet: Packet, headers: dict[str, str], response: str = "Success") -> None:
        self._send({"Response": response, "ActionID": packet.action_id} | headers)

    async def _answer(self, packet: Packet) -> None:
        action = packet.get("Action")
        self._exchange.log.append((action, packet.get("Variable") or packet.get("Endpoint") or packet.get("Username")))
        if not self._inside:
            await self._log_in(packet, action)
            return
        match action:
            case "Ping":
                self._respond(packet, {"Ping": "Pong", "Timestamp": "0.000000"})
            case "Getvar":
                name = packet.get("Variable")
                self._respond(packet, {"Variable": name, "Value": self._exchange.get_variable(name)})
            case "Setvar":
                self._exchange.set_variable(packet.get("Variable"), packet.get("Value"))
                self._respond(packet, {"Message": "Variable Set"})
            case "PJSIPShowRegistrationsOutbound" if self._exchange.booted_s is not None:
                self._list_registrations(packet)
            case "PJSIPQualify" if self._exchange.booted_s is not None:
                self._qualify(packet)
            case "Originate" | "DBPut" | "DBDel" | "Command":
                self._respond(packet, {"Message": "Permission denied"}, "Error")
            case _:
                known = "Use Action: ListCommands to show available commands."
                self._respond(packet, {"Message": f"Invalid/unknown command: {action}. {known}"}, "Error")

    async def _log_in(self, packet: Packet, action: str) -> None:
        if action != "Login":
            self._respond(packet, {"Message": "Permission denied"}, "Error")
        elif self._exchange.log_in(packet.get("Username"), packet.get("Secret")):
            self._inside = True
            self._respond(packet, {"Message": "Authentication accepted"})
            if self._exchange.booted_s is not None:
                uptime = str(int(asyncio.get_running_loop().time() - self._exchange.booted_s))
                self.tell("FullyBooted", {"Uptime": uptime, "LastReload": uptime, "Status": "Fully Booted"})
        else:
            await asyncio.sleep(REFUSE_S)
            self._respond(packet, {"Message": "Authentication failed"}, "Error")
            await self._writer.drain()
            raise ConnectionAbortedError("wrong secret")

    def _list_registrations(self, packet: Packet) -> None:
        listed = [trunk for trunk in self._exchange.trunks.values() if trunk.registration]
        note = {"EventList": "start", "Message": "Following are Events for each Outbound registration"}
        self._respond(packet, note)
        mark = {"ActionID": packet.action_id}
        for trunk in listed:
            item = {"ObjectType": "registration", "ObjectName": trunk.registration, "Status": trunk.registered}
            self._send({"Event": "OutboundRegistrationDetail"} | mark | item)
        end = {"EventList": "Complete", "ListItems": str(len(listed))}
        self._send({"Event": "OutboundRegistrationDetailComplete"} | mark | end)

    def _qualify(self, packet: Packet) -> None:
        if packet.get("Endpoint") in self._exchange.trunks:
            self._respond(packet, {"Message": "Endpoint found, will qualify"})
        else:
            self._respond(packet, {"Message": "Unable to retrieve endpoint"}, "Error")
