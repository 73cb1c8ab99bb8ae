"""What the bytes of one point come to, with what they came to lately: most of what is measured goes to and fro between
few values, and who comes behind knows the very same Sample again.

Pure; it must not know a point's name or where its bytes lie.
"""

from functools import lru_cache
from struct import Struct

from drivers.modbus_decode import Decode, Encoding, Form, decoder
from firmware_py.core.reading import Sample

_MOST = 256  # numbers of one encoding whose samples are kept, for all points that lie so
_FEW = 16  # of one point that is told by itself: bits, words
_NEVER_AGAIN = frozenset({Form.F32, Form.F64, Form.U64, Form.S64, Form.BCD, Form.STRING})


class Told(dict[bytes, Sample]):
    """Ask it by `[bytes]`, of which there are as many as the encoding's cells take."""

    __slots__ = ("_cells", "_decode", "_most")

    def __init__(self, decode: Decode, cells: Struct, most: int) -> None:
        super().__init__()
        self._decode, self._cells, self._most = decode, cells, most

    def __missing__(self, said: bytes) -> Sample:
        sample = self._decode(self._cells.unpack(said))
        if self._most:
            if len(self) >= self._most:
                self.clear()
            self[said] = sample
        return sample

    @property
    def is_shared(self) -> bool:
        """Whether all points of the encoding are told by this one."""
        return self._most == _MOST


def told(encoding: Encoding, *, of_bits: bool) -> Told:
    """For points of this encoding, in a table of bits (an octet each) or of registers."""
    decode, layout = decoder(encoding), f">{encoding.cells}{'B' if of_bits else 'H'}"
    if decode is decoder(encoding):  # the same for all points alike
        return _shared(decode, layout)
    return Told(decode, Struct(layout), 0 if encoding.form in _NEVER_AGAIN else _FEW)


@lru_cache(maxsize=1_024)
def _shared(decode: Decode, layout: str) -> Told:
    return Told(decode, Struct(layout), _MOST)
