"""The library's clients, made for one endpoint. The only file that knows pymodbus; loaded only where it is needed.

Its retries and reconnects are off. It must not know what is asked, nor what may leave.
"""

from collections.abc import Callable
from typing import TypeAlias

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from drivers.modbus_guard import Framing
from drivers.modbus_profile import Endpoint

Library: TypeAlias = AsyncModbusTcpClient | AsyncModbusSerialClient


def client_of(
    end: Endpoint, patience_s: float, watch: Callable[[bool, bytes], bytes], note: Callable[[bool], None]
) -> Library:
    """A client that is not yet connected: `watch` gets every packet, `note` that the connection has come or gone."""
    if end.framing is Framing.RTU:
        return AsyncModbusSerialClient(
            end.serial, framer=FramerType.RTU, baudrate=end.baud, parity=end.parity, stopbits=end.stop_bits,
            name=end.name, reconnect_delay=0, timeout=patience_s, retries=0,
            trace_packet=watch, trace_connect=note,
        )  # fmt: skip
    framer = FramerType.SOCKET if end.framing is Framing.TCP else FramerType.RTU
    return AsyncModbusTcpClient(
        end.host, port=end.port, framer=framer, name=end.name, reconnect_delay=0, timeout=patience_s,
        retries=0, trace_packet=watch, trace_connect=note,
    )  # fmt: skip


def is_fault(error: BaseException) -> bool:
    """Whether it is the library's own complaint."""
    return isinstance(error, ModbusException)


__all__ = ["Library", "ModbusPDU", "client_of", "is_fault"]
