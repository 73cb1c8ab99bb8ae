"""The arguments of the verbs that look without touching: simulate, replay, doctor, bundle, export, init and the like.

Knows no daemon and does not load what the verbs do.
"""

from firmware_py.cli.arguments import Group, Verbs, add_site, add_socket, add_verb, duration_ms
from firmware_py.cli.places import DEFAULT_SITE

CREDENTIALS = "/etc/floorguard/credentials"


def _add_replay(verbs: Verbs) -> None:
    replay = add_verb(verbs, "replay", "run the recorded inputs again; with a site file, show what it would change")
    replay.add_argument("file", nargs="?", default="", help="site file to compare with (default: only verify)")
    replay.add_argument("--config", metavar="FILE", default=DEFAULT_SITE, help="site file (default %(default)s)")
    replay.add_argument("--directory", metavar="FOLDER", default="", help="state directory (default: the site's)")
    replay.add_argument("--json", action="store_true", help="as JSON, version 1")


def _add_simulate(verbs: Verbs) -> None:
    simulate = add_verb(verbs, "simulate", "a made-up outage on a shadow of the floor; no output is touched")
    simulate.set_defaults(default=DEFAULT_SITE)
    simulate.add_argument(
        "what", choices=("mains", "reading"), help="mains: a power cut; reading: only what --set says"
    )
    simulate.add_argument("file", nargs="?", default="", help="site file (default: what is in force)")
    simulate.add_argument(
        "--for", dest="for_ms", type=duration_ms, default=3_600_000, metavar="TIME", help='how long (default "60 min")'
    )
    simulate.add_argument("--ups", default="", metavar="ID", help="only this UPS loses its mains")
    simulate.add_argument(
        "--set", action="append", default=[], metavar="POINT=VALUE", help="a made-up reading, as often as wanted"
    )
    simulate.add_argument("--json", action="store_true", help="as JSON, version 1")
    add_socket(simulate)


def _add_init(verbs: Verbs) -> None:
    discover = add_verb(verbs, "discover", "what answers at these addresses, and which profiles suit it")
    addresses = "snmp://COMMUNITY@HOST, modbus+tcp://HOST:502/1-4, ami://USER@HOST; nothing else is asked"
    discover.add_argument("address", nargs="+", metavar="ADDRESS", help=addresses)
    discover.add_argument("--community-file", default="", metavar="FILE", help="where others see arguments")
    discover.add_argument("--timeout", dest="timeout_ms", type=duration_ms, default=10_000, metavar="TIME", help="each")
    discover.add_argument("--json", action="store_true", help="as JSON, version 1")
    init = add_verb(verbs, "init", "write a first site file from a few answers and from what answers")
    init.add_argument("file", nargs="?", default=DEFAULT_SITE, help="to be written (default %(default)s)")
    init.add_argument("--address", action="append", default=[], metavar="ADDRESS", help=addresses)
    for name, text in (
        ("--id", "short name of the floor, for topics"), ("--name", "its name for people"),
        ("--country", "two letters"), ("--broker", "HOST or HOST:PORT"),
        ("--state", "state directory (default: as systemd says)"), ("--control-socket", "(default: as systemd says)"),
        ("--secrets", "folder of the secret files (default: systemd's credentials)"),
    ):  # fmt: skip
        init.add_argument(name, default="", help=text)
    init.add_argument("--trunk", action="append", default=[], metavar="ENDPOINT", help="of the exchange, to be watched")
    init.add_argument("--no-pins", action="store_true", help="this machine has no lamps on pins")
    init.add_argument("--no-questions", action="store_true", help="take the defaults")
    init.add_argument("--force", action="store_true", help="keep an old file as FILE.old")
    init.add_argument("--timeout", dest="timeout_ms", type=duration_ms, default=10_000, metavar="TIME", help="each")


def _add_care(verbs: Verbs) -> None:
    doctor = add_verb(verbs, "doctor", "what around the controller would spoil its work, each with its fix")
    add_site(doctor)
    doctor.add_argument("--root", default="/", metavar="FOLDER", help="look at a system that lies there")
    doctor.add_argument("--json", action="store_true", help="as JSON, version 1")
    bundle = add_verb(verbs, "bundle", "an archive for whoever helps, without secrets and without people's names")
    export = add_verb(verbs, "export", "the whole site in one archive, secrets apart", module="archive")
    restore = add_verb(
        verbs, "restore", "put an exported site in place; the controller must be stopped", module="archive"
    )
    bundle.add_argument("archive", nargs="?", default="floorguard-bundle.tar.gz", help="default %(default)s")
    for verb, is_restore in ((export, False), (restore, True)):
        verb.set_defaults(restore=is_restore)
        verb.add_argument("archive", metavar="ARCHIVE", help="like site.tar.gz")
        verb.add_argument("--secrets", default="", metavar="ARCHIVE", help="the secrets, in an archive of their own")
        verb.add_argument("--credentials", default=CREDENTIALS, metavar="FOLDER", help="default %(default)s")
    restore.add_argument("--force", action="store_true", help="although there is a state already; it is kept beside")
    for verb in (bundle, export, restore):
        verb.add_argument("--config", metavar="FILE", default=DEFAULT_SITE, help="site file (default %(default)s)")
    for verb in (doctor, bundle, export, restore):
        add_socket(verb)


GROUPS: tuple[Group, ...] = (
    (("discover", "init"), _add_init),
    (("doctor", "bundle", "export", "restore"), _add_care),
    (("simulate",), _add_simulate),
    (("replay",), _add_replay),
)
