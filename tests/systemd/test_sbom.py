"""The bill of materials names exactly what an installation gets, each with its hashes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version

from tests.conftest import PROJECT


def test_the_bill_has_every_locked_package_with_its_version_and_hashes() -> None:
    told = subprocess.run(
        [sys.executable, str(PROJECT / ".ci" / "sbom"), "requirements.txt"], capture_output=True, text=True, check=True
    )
    bill = json.loads(told.stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", (PROJECT / "requirements.txt").read_text(), re.M))
    assert {one["name"]: one["version"] for one in bill["components"]} == locked
    assert all(one["hashes"] for one in bill["components"])
    assert all(re.fullmatch(r"pkg:pypi/[a-z0-9._-]+@[^@]+", one["purl"]) for one in bill["components"])
    assert len({one["bom-ref"] for one in bill["components"]}) == len(locked)
    assert set(bill["dependencies"][0]["dependsOn"]) == {one["bom-ref"] for one in bill["components"]}


def test_the_bill_is_of_what_runs_here_too() -> None:
    bill = json.loads(subprocess.run([str(PROJECT / ".ci" / "sbom")], capture_output=True, check=True).stdout)
    found = {one["name"]: one["version"] for one in bill["components"]}
    assert found["pysnmp"] == version("pysnmp")
    assert found["pydantic"] == version("pydantic")
