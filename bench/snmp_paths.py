"""What one SNMP question of 20 values costs by our own codec and by the library: CPU milliseconds, side by side.

`python -m bench.snmp_paths [questions]` prints the table; rounds are interleaved, medians and ratios are told. The far
end is a table of bytes in a process of its own, so that only the asking side is measured.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from drivers import snmp, snmp_plain
from drivers.snmp_access import Community
from drivers.snmp_link import Session

VALUES, ROUNDS = 20, 7
NAMES = tuple(f"1.3.6.1.2.1.33.1.4.4.1.{n}.1" for n in range(2, 2 + VALUES))
RESPONDER = """
import socket, sys
def tlv(data, place):
    length, start = data[place + 1], place + 2
    if length & 0x80:
        octets = length & 0x7F
        length, start = int.from_bytes(data[start:start + octets], "big"), start + octets
    return start, start + length
def wrap(tag, content):
    size = len(content)
    head = bytes((tag, size)) if size < 128 else bytes((tag, 0x82)) + size.to_bytes(2, "big")
    return head + content
far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
far.bind(("127.0.0.1", 0))
print(far.getsockname()[1], flush=True)
while True:
    data, address = far.recvfrom(4096)
    start, _ = tlv(data, 0)
    _, version = tlv(data, start)
    _, community = tlv(data, version)
    inner, _ = tlv(data, community)
    _, number = tlv(data, inner)
    _, status = tlv(data, number)
    _, index = tlv(data, status)
    place, end = tlv(data, index)
    binds = b""
    while place < end:
        begin, place = tlv(data, place)
        _, name = tlv(data, begin)
        binds += wrap(0x30, data[begin:name] + b"\\x02\\x02\\x03\\xe8")
    pdu = wrap(0xA2, data[inner:number] + b"\\x02\\x01\\x00\\x02\\x01\\x00" + wrap(0x30, binds))
    far.sendto(wrap(0x30, data[start:community] + pdu), address)
"""


async def spend(session: Session, questions: int) -> float:
    """CPU milliseconds of this process for each question."""
    began_s = time.process_time()
    for _ in range(questions):
        answer = await session.get(NAMES, 5.0)
        assert len(answer.values) == VALUES
    return 1000 * (time.process_time() - began_s) / questions


async def measure(port: int, questions: int) -> dict[str, list[float]]:
    """Rounds of each way, one after the other."""
    access = Community(name="floor")
    ways: dict[str, Session] = {
        "our own codec": await snmp_plain.connect(access, "127.0.0.1", port),
        "pysnmp": await snmp.connect(access, "127.0.0.1", port),
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, session in ways.items():
            spent[name].append(await spend(session, questions))
    for session in ways.values():
        session.close()
    return spent


def main(words: Sequence[str]) -> None:
    """Print the table."""
    questions = int(words[0]) if words else 300
    with subprocess.Popen([sys.executable, "-c", RESPONDER], stdout=subprocess.PIPE, text=True) as far:
        try:
            assert far.stdout is not None
            port = int(far.stdout.readline())
            spent = asyncio.run(measure(port, questions))
        finally:
            far.kill()
    best = statistics.median(spent["our own codec"])
    print(f"one GET of {VALUES} values, {ROUNDS} rounds of {questions} questions")
    print(f"{'way':<16}{'CPU ms':>9}{'ratio':>8}   spread")
    for name, rounds in spent.items():
        middle = statistics.median(rounds)
        print(f"{name:<16}{middle:>9.3f}{middle / best:>8.1f}   {min(rounds):.3f} to {max(rounds):.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
