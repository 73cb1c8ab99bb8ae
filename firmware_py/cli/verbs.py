"""All verbs with their arguments, in one place, so that help is complete without loading what the verbs do.

A verb's `module` is imported when it runs, and of the words only those of the verb that is asked for are made. Knows
no daemon.
"""

import argparse

from firmware_py.cli import verbs_config, verbs_look
from firmware_py.cli.arguments import Group, Verbs
from firmware_py.cli.arguments import add_socket as _add_socket
from firmware_py.cli.arguments import add_verb as _verb
from firmware_py.cli.arguments import duration_ms as _duration_ms
from firmware_py.cli.arguments import watts_w as _watts_w
from firmware_py.cli.places import DEFAULT_SITE

_ORDERS: tuple[tuple[str, str, str, str], ...] = (
    ("ack", "ack", "alarm", "acknowledge an alarm, or all of them"),
    ("silence", "silence", "alarm", "stop the sounder until a new alarm comes"),
    ("reset", "reset", "alarm", "reset a latched alarm whose cause has ended, and who was first"),
    ("unshelve", "unshelve", "alarm", "show a shelved alarm again"),
    ("in-service", "in-service", "alarm", "bring an alarm back into service"),
    ("conserve", "conserve", "", "go to conservation by hand"),
    ("release", "release", "", "end conservation by hand"),
    ("pause", "pause-outbound", "", "pause outbound calls by hand"),
    ("resume", "resume-outbound", "", "end the pause by hand"),
    ("fire-confirm", "fire-confirm", "", "confirm a fire that the panel reports"),
    ("lamp-test", "lamp-test", "", "light all lamps for ten seconds"),
)


def build_parser(asked: str = "") -> argparse.ArgumentParser:
    """The whole command line, or as much of it as the verb `asked` needs."""
    parser = argparse.ArgumentParser(
        prog="floorguard",
        description="Guards a call floor: power, phones, cooling, fire panel. An ancillary annunciator, "
        "not a fire alarm system: the listed fire panel alone evacuates.",
    )
    parser.set_defaults(module=None)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    known = any(asked in names for names, _ in GROUPS)
    for names, add in GROUPS:
        if asked in names or not known:
            add(verbs)
    return parser


def _add_guard(verbs: Verbs) -> None:
    run = _verb(verbs, "run", "guard the floor (what systemd starts)")
    run.add_argument("--config", metavar="FILE", default=DEFAULT_SITE, help="site file (default %(default)s)")
    check = _verb(verbs, "check", "check a site file and say every fault with its line")
    check.add_argument("file", nargs="?", default=DEFAULT_SITE, help="site file (default %(default)s)")
    check.add_argument("--json", action="store_true", help="as JSON, version 1")
    check.add_argument("--effective", action="store_true", help="print the configuration in force, defaults included")
    check.add_argument("--budget", action="store_true", help="print how late a change on each Modbus line can be seen")
    _add_socket(check)


def _add_pictures(verbs: Verbs) -> None:
    schema = _verb(verbs, "schema", "the JSON Schema of what a verb prints with --json")
    schema.add_argument("of", nargs="?", default="", metavar="VERB", help="which (default: list them)")
    status = _verb(verbs, "status", "one picture of the floor as the daemon sees it")
    _add_socket(status)
    status.add_argument("--json", action="store_true", help="as JSON, version 1")
    status.add_argument("--all", action="store_true", help="everything, however long")
    status.add_argument("--exit-code", action="store_true", help="end with 7 while an alarm is not acknowledged")
    watch = _verb(verbs, "watch", "the same, live, until Ctrl-C")
    _add_socket(watch)
    watch.add_argument("--json", action="store_true", help="a line of JSON for each picture, version 1")
    events = _verb(verbs, "log", "the last events", module="events")
    _add_socket(events)
    events.add_argument("-n", type=int, default=20, metavar="COUNT", help="how many (default %(default)s, at most 500)")
    events.add_argument("--json", action="store_true", help="as JSON, version 1")


def _add_ends(verbs: Verbs) -> None:
    safe = _verb(verbs, "safe-outputs", "leave every output as after a stop or a fault")
    safe.add_argument("--config", metavar="FILE", default=DEFAULT_SITE, help="site file (default %(default)s)")
    safe.add_argument("--as", dest="cause", choices=("stop", "fault"), default="", help="default: as systemd says")
    gone = _verb(verbs, "decommission", "empty every retained MQTT topic of this site; the daemon must be stopped")
    gone.add_argument("--config", metavar="FILE", default=DEFAULT_SITE, help="site file (default %(default)s)")


def _add_demo(verbs: Verbs) -> None:
    demo = _verb(verbs, "demo", "show the controller guarding a simulated floor")
    demo.add_argument("--fast", action="store_true", help="the same day without waiting for people to look")
    demo.add_argument("--devices", metavar="FOLDER", default="", help="only the devices, and a site for them there")
    demo.add_argument("--site", metavar="FILE", default="", help="with --devices: of this site (default: the demo's)")
    demo.add_argument("--check", action="store_true", help="no terminal; exit 1 if anything expected did not happen")


def _add_probe(verbs: Verbs) -> None:
    probe = _verb(verbs, "probe", "read one device by its address or its id; exit 5 if it tells nothing")
    probe.add_argument(
        "address",
        metavar="ADDRESS",
        help="snmp://COMMUNITY@HOST:PORT, snmp://USER@HOST for version 3, modbus+tcp://HOST:PORT/UNIT, "
        "modbus+rtu:///dev/ttyUSB0/UNIT?baud=9600&parity=even, ami://USER@HOST, or an id of the site file",
    )
    probe.add_argument("--json", action="store_true", help="as JSON, version 1")
    probe.add_argument("--record", default="", metavar="FILE", help="write a capture, which a test can serve again")
    probe.add_argument("--config", metavar="FILE", default=DEFAULT_SITE, help="site file (default %(default)s)")
    probe.add_argument("--directly", action="store_true", help="a second connection beside the running controller's")
    probe.add_argument(
        "--profile", default="", metavar="NAME", help="which objects or registers mean what (default: every known one)"
    )
    probe.add_argument("--version", choices=("1", "2c", "3"), default="2c", help="of SNMP (default %(default)s)")
    probe.add_argument("--community-file", default="", metavar="FILE", help="the community, where others see arguments")
    hashes, ciphers = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"), ("des", "aes128", "aes192", "aes256")
    probe.add_argument("--auth", choices=("none", *hashes), default="none", help="version 3: the hash")
    probe.add_argument("--auth-file", default="", metavar="FILE", help="its pass phrase")
    probe.add_argument("--privacy", choices=("none", *ciphers), default="none", help="version 3: the cipher")
    probe.add_argument("--secret-file", default="", metavar="FILE", help="ami: the secret of the user")
    _add_socket(probe)
    probe.add_argument("--privacy-file", default="", metavar="FILE", help="its pass phrase")
    probe.add_argument(
        "--timeout", dest="timeout_ms", type=_duration_ms, default=10_000, metavar="TIME", help='default "10 s"'
    )


def _add_plan(verbs: Verbs) -> None:
    plan = _verb(verbs, "plan", "what would be shed when if the mains failed now, and what each stage buys")
    plan.add_argument("file", nargs="?", default="", help="site file (default: what is in force, else the usual one)")
    plan.add_argument("--runtime", dest="runtime_ms", type=_duration_ms, default=0, metavar="TIME", help="assume it")
    plan.add_argument("--load", dest="load_w", type=_watts_w, default=0.0, metavar="WATTS", help='assume it: "3 kW"')
    plan.add_argument("--json", action="store_true", help="as JSON, version 1")
    _add_socket(plan)


def _add_outage(verbs: Verbs) -> None:
    outage = _verb(verbs, "outage", "planned power cuts: tell of one, list them, cancel one")
    does = outage.add_subparsers(title="what", metavar="WHAT", dest="what", required=True)
    add = does.add_parser("add", help="tell of a cut; it is kept over restarts")
    for name in ("start", "end"):
        add.add_argument(name, metavar=name.upper(), help="with its offset from UTC: 2026-12-01T08:00+08:00")
    add.add_argument("--note", default="planned power cut", metavar="TEXT", help="who announced it, and why")
    cancel = does.add_parser("cancel", help="forget one that was told of")
    cancel.add_argument("id", metavar="ID", help="as `outage list` shows it")
    show = does.add_parser("list", help="all that are known, those of the site file too")
    show.add_argument("--json", action="store_true", help="as JSON, version 1")
    for one in (add, cancel, show):
        _add_socket(one)


def _add_records(verbs: Verbs) -> None:
    report = _verb(verbs, "report", "an incident, the shift, the open defects or a month, to read or print")
    kinds = ("incident", "incidents", "shift", "defects", "month")
    report.add_argument("kind", choices=kinds, metavar="WHAT", help=f"{', '.join(kinds[:-1])} or {kinds[-1]}")
    report.add_argument(
        "about",
        nargs="?",
        default="",
        metavar="WHICH",
        help="incident number (default: the newest), month (2026-11), or for incidents also open, power, major ...",
    )
    report.add_argument(
        "--format", choices=("text", "markdown", "json", "html"), default="text", help="default %(default)s"
    )
    report.add_argument("--json", action="store_true", help="the same as --format json")
    report.add_argument("--output", default="", metavar="FILE", help="write it there")
    report.add_argument("--language", choices=("en", "zh"), default="", help="default: the site's")
    report.add_argument("--book", default="", metavar="FOLDER", help="read a book's files instead of asking the daemon")
    _add_socket(report)
    handover = _verb(verbs, "handover", "what is open; hand it over, or take it over one by one")
    handover.set_defaults(verb="handover")
    handover.add_argument("what", nargs="?", choices=("show", "begin", "take"), default="show", help="default: show")
    handover.add_argument(
        "matter", nargs="?", default="", metavar="MATTER", help="for take: one, as `handover` shows it"
    )
    handover.add_argument("--name", default="", metavar="NAME", help="who you are, where shifts share an account")
    handover.add_argument("--json", action="store_true", help="what is open as JSON, version 1")
    _add_socket(handover)
    tick = _verb(verbs, "tick", "tick an item of an open checklist, or list them", module="handover")
    tick.set_defaults(verb="tick")
    tick.add_argument("item", nargs="?", default="", metavar="ITEM", help="like power.recovery.forms")
    tick.add_argument("--json", action="store_true", help="the lists as JSON, version 1")
    _add_socket(tick)


def _add_orders(verbs: Verbs) -> None:
    for name, kind, target, text in _ORDERS:
        order = _verb(verbs, name, text, module="order")
        order.set_defaults(kind=kind, target="", value=None, ttl_ms=0)
        if target:
            order.add_argument("target", nargs="?", default="", metavar=target.upper(), help="id, as `status` shows it")
        _add_socket(order)
    _add_aside(verbs)
    trunk = _verb(
        verbs, "trunk", "say how a trunk is that nobody else tells of, or take one into maintenance", module="order"
    )
    trunk.set_defaults(kind="trunk", value=None, ttl_ms=0)
    trunk.add_argument("target", metavar="TRUNK", help="its name, as `status` shows it")
    trunk.add_argument("word", choices=("up", "degraded", "down", "maintenance", "auto"), help="auto takes it back")
    _add_socket(trunk)
    override = _verb(verbs, "override", "hold an output at a value, or let it go", module="order")
    override.set_defaults(kind="override")
    override.add_argument("target", metavar="OUTPUT", help="id, as `status` shows it")
    override.add_argument("value", choices=("on", "off", "auto"), help="auto ends the override")
    override.add_argument(
        "--for", dest="ttl_ms", type=_duration_ms, default=0, metavar="TIME", help='like "30 min"; default: until auto'
    )
    _add_socket(override)


def _add_aside(verbs: Verbs) -> None:
    shelve = _verb(verbs, "shelve", "take an alarm from the panel for a while: 8 h at most, fire 1 h", module="order")
    shelve.set_defaults(kind="shelve", value=None)
    out = _verb(verbs, "out-of-service", "take an alarm from the panel until it is brought back", module="order")
    out.set_defaults(kind="out-of-service", value=None, ttl_ms=0)
    for verb in (shelve, out):
        verb.add_argument("target", metavar="ALARM", help="id, as `status` shows it")
        verb.add_argument("--why", required=True, metavar="TEXT", help="the reason, for whoever comes next")
        _add_socket(verb)
    shelve.add_argument("--for", dest="ttl_ms", type=_duration_ms, required=True, metavar="TIME", help='like "30 min"')
    drill = _verb(verbs, "drill", "try the real sequence under a drill label; `drill stop` ends it", module="order")
    drill.set_defaults(kind="drill", value=None)
    drill.add_argument("target", metavar="WHAT", help="power, trunk or fire, as far as the site has them; or stop")
    drill.add_argument(
        "--for", dest="ttl_ms", type=_duration_ms, default=0, metavar="TIME", help='default "10 min", at most "1 h"'
    )
    drill.add_argument("--yes", action="store_true", help="outputs really act: without this nothing is done")
    _add_socket(drill)


def _add_legend(verbs: Verbs) -> None:
    legend = _verb(verbs, "legend", "what the lamps and the sounder say, to hang beside the panel")
    legend.add_argument("file", nargs="?", default="", help="site file (default: what is in force, else the usual one)")
    legend.add_argument("--json", action="store_true", help="as JSON, version 1")
    legend.add_argument("--html", action="store_true", help="a page that prints well, instead of text")
    legend.add_argument("--language", choices=("en", "zh"), default="", help="default: the site's")
    legend.add_argument("--all", action="store_true", help="every alarm with its id, priority and text")
    _add_socket(legend)


GROUPS: tuple[Group, ...] = (
    (("run", "check"), _add_guard),
    *verbs_config.GROUPS,
    *verbs_look.GROUPS,
    (("schema", "status", "watch", "log"), _add_pictures),
    ((*(name for name, *_ in _ORDERS), "shelve", "out-of-service", "drill", "trunk", "override"), _add_orders),
    (("legend",), _add_legend),
    (("report", "handover", "tick"), _add_records),
    (("plan",), _add_plan),
    (("outage",), _add_outage),
    (("safe-outputs", "decommission"), _add_ends),
    (("probe",), _add_probe),
    (("demo",), _add_demo),
)
