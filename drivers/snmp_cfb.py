"""AES-128 in cipher feedback mode (SP 800-38A clause 6.3, RFC 3826) for many short messages of one key.

A cipher object for each message costs more than the message. It must not know what is enciphered, nor where a vector
comes from.
"""

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

BLOCK = 16
_EMPTY = bytes(BLOCK)
_ROOM = tuple(bytes(size) for size in range(BLOCK))  # fills a last block, by how much is wanting


class Feedback:
    """Of one key, one stream each way for all messages. A vector is a block long; tests hold both ways against the
    library's own mode. `_behind`: what was enciphered last, `_mask`: what is laid over the block after it, if known."""

    def __init__(self, key: bytes) -> None:
        cipher = Cipher(AES(key), CFB(bytes(BLOCK)))
        self._out, self._in = cipher.encryptor(), cipher.decryptor()
        self._behind, self._mask = bytes(BLOCK), b""

    def enciphered(self, vector: bytes, content: bytes) -> bytes:
        """A block before the content is chosen so that it is enciphered to the vector."""
        size = len(content)
        mask = self._mask or self._in.update(self._behind + _EMPTY)[16:]
        before = int.from_bytes(mask, "big") ^ int.from_bytes(vector, "big")
        stream = self._out.update(before.to_bytes(16, "big") + content + _ROOM[-size % 16])
        self._behind, self._mask = stream[-16:], b""
        return stream[16 : 16 + size]

    def deciphered(self, vector: bytes, enciphered: bytes) -> bytes:
        """The vector goes before as what was enciphered last. Behind it all, the mask of the next message's first block
        is asked for, since a call costs as much as some blocks."""
        size = len(enciphered)
        stream = self._in.update(vector + enciphered + _ROOM[-size % 16] + self._behind + _EMPTY)
        self._mask = stream[-16:]
        return stream[16 : 16 + size]
