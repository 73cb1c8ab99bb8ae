"""AES-128 in cipher feedback mode (SP 800-38A clause 6.3, RFC 3826) for many short messages of one key.

A cipher object for each message costs more than the message. It must not know what is enciphered, nor where a vector
comes from.
"""

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

BLOCK = 16
_ROOM = tuple(bytes(size) for size in range(BLOCK))


class Feedback:
    """Of one key. A vector is a block long; tests hold both ways against the library's own mode."""

    def __init__(self, key: bytes) -> None:
        cipher = AES(key)
        self._blocks = Cipher(cipher, ECB()).encryptor()  # noqa: S305 - the mode is made of it
        self._stream, self._behind = Cipher(cipher, CFB(bytes(BLOCK))).encryptor(), bytes(BLOCK)
        self._mask = b""  # what the block behind is enciphered to, where it is known

    def enciphered(self, vector: bytes, content: bytes) -> bytes:
        """One stream for all messages: a block before the content is chosen so that it is enciphered to the vector,
        and some octets behind it fill its last block. `_behind`: what was enciphered last."""
        size, mask = len(content), self._mask or self._blocks.update(self._behind)
        before = int.from_bytes(mask, "big") ^ int.from_bytes(vector, "big")
        stream = self._stream.update(before.to_bytes(16, "big") + content + _ROOM[-size % 16])
        self._behind, self._mask = stream[-16:], b""
        return stream[16 : 16 + size]

    def deciphered(self, vector: bytes, enciphered: bytes) -> bytes:
        """Backwards all blocks are known: one call enciphers them all, and what the next message begins with."""
        size = len(enciphered)
        mask = self._blocks.update((vector + enciphered)[: size + 15 & -16] + self._behind)
        self._mask = mask[-16:]
        return (int.from_bytes(enciphered, "big") ^ int.from_bytes(mask[:size], "big")).to_bytes(size, "big")
