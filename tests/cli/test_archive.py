"""Export and restore: a site on a new card, secrets apart; and archives that are not ours."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from firmware_py.cli import main
from firmware_py.cli.bundle import sieve
from firmware_py.runtime.generations import Generation
from firmware_py.wiring.drafts import gather, open_store
from tests.conftest import PROJECT

EXAMPLE = (PROJECT / "config" / "sites" / "example.toml").read_text()
SECRET = "hunter2-of-the-exchange"


class Card:
    """A machine's folders."""

    def __init__(self, folder: Path) -> None:
        self.state, self.site, self.credentials = folder / "state", folder / "etc/site.toml", folder / "etc/credentials"
        self.site.parent.mkdir(parents=True)

    def fill(self) -> Card:
        self.site.write_text(EXAMPLE + f'\n[storage]\ndirectory = "{self.state}"\n')
        (self.state / "journal").mkdir(parents=True)
        (self.state / "journal" / "0001.log").write_text("an event\n")
        (self.state / "inputs").mkdir()
        (self.state / "inputs" / "inputs-1.jsonl").write_text("much\n")
        (self.state / "lock").touch()
        self.credentials.mkdir()
        (self.credentials / "pbx1.secret").write_text(SECRET + "\n")
        open_store(self.state).add(gather(self.site), Generation(number=0, by="0:root"), trial=False)
        return self

    def words(self, verb: str, archive: Path, *more: str) -> list[str]:
        where = ["--config", str(self.site), "--credentials", str(self.credentials), "--socket", "/nowhere"]
        return [verb, str(archive), *where, *more]


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path / "old").fill()


def test_a_site_moves_to_a_new_card_with_all_that_it_remembers(card: Card, tmp_path: Path) -> None:
    archive, secrets = tmp_path / "site.tar.gz", tmp_path / "secrets.tar.gz"
    assert main(card.words("export", archive, "--secrets", str(secrets))) == 0
    assert archive.stat().st_mode & 0o077 == 0 and secrets.stat().st_mode & 0o077 == 0
    site, state = card.site.read_text(), card.state
    state.rename(tmp_path / "lost")
    new = Card(tmp_path / "new")
    assert main(new.words("restore", archive, "--secrets", str(secrets))) == 0
    assert new.site.read_text() == site and (state / "journal/0001.log").read_text() == "an event\n"
    assert (new.credentials / "pbx1.secret").read_text() == SECRET + "\n"
    assert not (state / "inputs").exists() and not (state / "lock").exists()
    assert open_store(state).book.running == 1


def test_no_secret_is_in_the_archive_of_the_site(card: Card, tmp_path: Path) -> None:
    assert main(card.words("export", tmp_path / "site.tar.gz")) == 0
    with tarfile.open(tmp_path / "site.tar.gz") as archive:
        raw = b"".join(file.read() for one in archive if (file := archive.extractfile(one)))
    assert SECRET.encode() not in raw and b"credential:pbx1.secret" in raw


def test_a_state_that_is_there_is_kept_beside(card: Card, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(card.words("export", tmp_path / "site.tar.gz")) == 0
    assert main(card.words("restore", tmp_path / "site.tar.gz")) == 1
    assert "--force" in capsys.readouterr().err
    assert main(card.words("restore", tmp_path / "site.tar.gz", "--force")) == 0
    assert (card.state.with_name("state.before") / "lock").exists()


def hostile(path: Path, name: str, kind: bytes = tarfile.REGTYPE, manifest: object = {"v": 1}) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for one, raw in (("manifest.json", json.dumps(manifest).encode()), (name, b"x")):
            info = tarfile.TarInfo(one)
            info.size, info.type = len(raw), tarfile.REGTYPE if one == "manifest.json" else kind
            info.linkname = "/etc/passwd"
            archive.addfile(info, io.BytesIO(raw))
    return path


@pytest.mark.parametrize(
    ("name", "kind", "manifest"),
    [
        ("../../etc/cron.d/x", tarfile.REGTYPE, {"v": 1}),
        ("/etc/passwd", tarfile.REGTYPE, {"v": 1}),
        ("state/link", tarfile.SYMTYPE, {"v": 1}),
        ("state/hard", tarfile.LNKTYPE, {"v": 1}),
        ("elsewhere/file", tarfile.REGTYPE, {"v": 1}),
        ("state/file", tarfile.REGTYPE, {"v": 2}),
        ("state/file", tarfile.REGTYPE, []),
        ("state/file", tarfile.REGTYPE, {"v": 1}),
    ],
)
def test_an_archive_that_is_not_ours_changes_nothing(tmp_path: Path, name: str, kind: bytes, manifest: object) -> None:
    new = Card(tmp_path / "new")
    assert main(new.words("restore", hostile(tmp_path / "evil.tar.gz", name, kind, manifest))) == 1
    assert not new.site.exists() and not new.credentials.exists()


def test_what_is_no_archive_at_all_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"not an archive")
    assert main(Card(tmp_path / "new").words("restore", tmp_path / "x.tar.gz")) == 1
    assert capsys.readouterr().err.startswith("floorguard: ")


def test_a_bundle_holds_no_secret_and_no_person(card: Card, tmp_path: Path) -> None:
    text = card.site.read_text().replace("credential:pbx1.secret", str(card.credentials / "pbx1.secret"))
    card.site.write_text(text + f"\n# the password is {SECRET}\n")
    target = tmp_path / "bundle.tar.gz"
    assert main(["bundle", str(target), "--config", str(card.site), "--socket", "/nowhere"]) == 0
    with tarfile.open(target) as archive:
        names = [one.name for one in archive]
        raw = b"".join(file.read() for one in archive if (file := archive.extractfile(one)))
    assert {"floorguard-bundle/site.toml", "floorguard-bundle/doctor.txt"} <= set(names)
    assert SECRET.encode() not in raw and b"+86 21 5550" not in raw and b"service.manager@" not in raw
    assert b"(secret)" in raw and b"tier2_after" in raw


def test_the_sieve_strikes_out_what_looks_like_a_secret_and_leaves_its_name() -> None:
    text = 'password_file = "credential:mqtt.password"\nsnmp://floor@192.0.2.1 password=abc community: public'
    assert sieve(text, []) == (
        'password_file = "credential:mqtt.password"\nsnmp://(secret)@192.0.2.1 password=(secret) community: (secret)'
    )
