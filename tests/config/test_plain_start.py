"""A start without OpenSSL: nothing loads it until something is enciphered, and then all of it is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import PROJECT, require_program

PREPARED = "import sys\nfrom config.plain_start import prepare\nprepare()\n"
OPENSSL = "[name for name in ('_ssl', '_hashlib') if name in sys.modules]"


def run(program: str) -> str:
    words = [sys.executable, "-c", PREPARED + program]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_daemon_and_its_bridge_are_loaded_without_openssl() -> None:
    program = f"import firmware_py.cli.run, mqtt_bridge.client, drivers.gpio, shutil\nprint({OPENSSL})"
    assert run(program) == "[]\n"


def test_a_plain_connection_asks_for_no_cipher_and_an_enciphered_one_gets_it() -> None:
    program = f"""
import asyncio

async def talk(context):
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        await reader.read()
        writer.close()
    finally:
        server.close()

asyncio.run(talk(None))
print({OPENSSL})
import ssl
try:
    asyncio.run(talk(ssl.create_default_context()))
except OSError:
    print("it does not speak it")
print({OPENSSL})
"""
    assert run(program).splitlines() == ["[]", "it does not speak it", "['_ssl']"]


def test_hashes_are_the_same_with_and_without_it() -> None:
    algorithms = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "sha3_256")
    program = f"import hashlib\nprint([hashlib.new(name, b'floor').hexdigest() for name in {algorithms}])"
    plain = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run(program) == plain.stdout
    late = "import hmac\nprint(hmac.new(b'k', b'floor', 'sha256').hexdigest())"
    usual = subprocess.run([sys.executable, "-c", late], capture_output=True, text=True, timeout=60, check=True)
    assert run(late) == usual.stdout


def test_whoever_has_begun_is_left_alone() -> None:
    words = [sys.executable, "-c", f"import asyncio, hashlib\n{PREPARED}\nprint({OPENSSL})"]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "['_ssl', '_hashlib']\n"


@pytest.mark.acceptance
def test_all_that_is_enciphered_works_after_such_a_start() -> None:
    require_program("mosquitto")
    files = ["tests/wires/test_mqtt_tls.py", "tests/wires/test_reach.py"]
    words = [*files, "-q", "-p", "no:cacheprovider"]
    told = run(f"import asyncio\nassert not {OPENSSL}\nimport pytest\nsys.exit(pytest.main({words}))")
    assert " passed" in told


def test_once_complete_what_is_needed_seldom_needs_no_disk_any_more() -> None:
    program = """
import firmware_py.cli.run
from config import partly, plain_start
assert {"textwrap", "locale"} <= set(partly._left), partly._left
names = list(plain_start.complete())
assert len(names) == len(set(names)) and not set(names) & set(partly._left)
sys.path.clear(); sys.path_importer_cache.clear(); sys.meta_path.clear()
import ipaddress, locale, shutil, textwrap, tomllib, zoneinfo
from concurrent.futures import ThreadPoolExecutor
from firmware_py.wiring.overhear import Taking
print(ipaddress.ip_address("::1"), textwrap.indent("x", "-"), bool(locale.getpreferredencoding(False)))
print(Taking(devices=frozenset()).capture.empty, "floor.example".encode("idna"))
print(traceback.format_exception(ExceptionGroup("two", [ValueError("one"), ValueError("another")]))[-1].strip()[:1])
"""
    assert run("import traceback\n" + program).splitlines() == ["::1 -x True", "True b'floor.example'", "+"]


def test_a_module_that_nobody_loaded_is_loaded_when_the_rest_is() -> None:
    program = """
from config.partly import load_partly, load_wholly
load_partly("textwrap"); load_wholly("textwrap"); load_wholly("textwrap"); load_wholly("colorsys")
print("dedent" in vars(sys.modules["textwrap"]), "colorsys" in sys.modules)
"""
    assert run(program) == "True True\n"
