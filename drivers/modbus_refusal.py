"""What a unit's refusal of a question means, and where in the unit that was, in words.

Pure. It must not know links or when to ask again.
"""

from drivers.modbus_plan import Block, Span
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError

EXCEPTIONS = {
    1: "illegal function", 2: "illegal address", 3: "illegal value", 4: "device failure", 5: "acknowledge", 6: "busy",
    8: "memory parity", 10: "gateway path unavailable", 11: "gateway target did not respond",
    0x41: "gateway: invalid message", 0x42: "gateway: wrong length", 0x43: "gateway: checksum",
    0x4B: "gateway: slow data",
}  # fmt: skip


def refused(code: int) -> DeviceError:
    """The error for an exception code."""
    text = f"exception {code}: {EXCEPTIONS.get(code, 'not in the standard')}"
    because = Reason.NOT_SUPPORTED if code in (1, 2, 3) else Reason.SOURCE_LOST
    return DeviceError(text, because=Reason.NO_COMMUNICATION if code in (5, 6) else because)


def where(cells: Block | Span) -> str:
    """The cells, for people."""
    return f"{cells.table} {cells.address}..{cells.end - 1}"
