"""What each recorded UPS says, decided from the text of its MIBs and the index of quirks, not from another program.

Data for the tests over SNMP. A number is GOOD with that value; a Reason is why there is none. Phases: the highest load.
"""

from __future__ import annotations

from firmware_py.core.reading import Reason

NONE, MARK, LOST = Reason.NOT_SUPPORTED, Reason.SENTINEL, Reason.SOURCE_LOST
Expected = tuple[object, str, object, object, object]  # source, the MIB it comes from, charge %, runtime s, load %
FROZEN = "we: the card says that it has lost the UPS, so all its figures are frozen"

RECORDED: dict[str, Expected] = {
    "apc_powerchute": ("mains", "powernet", 100.0, 7560.0, 31.0),
    "apc_smart1500": ("mains", "powernet", 100.0, 4560.0, 17.6),
    "apc_smt750x-nmc2": ("mains", "powernet", 100.0, 109762.0, 0.0),
    "apc_smtl1000-nmc3": ("mains", "powernet", 100.0, 1522.0, 37.8),
    "apc_smx750": ("mains", "powernet", 100.0, 16374.0, 76.2),
    "apc_sua1500rmi2u": ("mains", "powernet", 100.0, 3960.0, 16.9),
    "apc_surt3000xl": ("mains", "powernet", 100.0, 19526.0, NONE),
    "compas_usv": ("mains", "compas", 100.0, 116520.0, NONE),
    "cyberpower_cp1000pfclcd": ("mains", "cps", 100.0, 1200.0, 24.0),
    "dell-ups_rack3750w": (NONE, "", NONE, 11179.0, NONE),
    "deltaups_rfc1628string": ("mains", "rfc1628", 29.0, 20280.0, 8.0),
    "eaton-matrix": ("mains", "matrix", NONE, NONE, NONE),
    "eaton-mgeups_5px": ("mains", "rfc1628", 100.0, 2594.0, 59.0),
    "eaton-mgeups_9pxle": ("mains", "rfc1628", 91.0, 1132.0, 40.0),
    "eatonups": ("mains", "xups", 100.0, 8620.0, 25.0),
    "eatonupsm2_9px": ("mains", "rfc1628", 98.0, 25800.0, 9.0),
    "generex-ups_cs121": ("mains", "rfc1628", NONE, 3540.0, 28.0),
    "generex-ups_cs141-v22036": ("mains", "rfc1628", 100.0, 43680.0, 5.0),
    "huawei-smu": ("mains", "huawei_smu", 100.0, NONE, NONE),
    "huaweiups_ups2000": ("mains", "rfc1628", 100.0, MARK, 27.0),
    "liebert_apm": ("mains", "rfc1628", NONE, 4320.0, NONE),
    "marathonups": ("mains", "rfc1628", 100.0, MARK, 16.0),
    "netagent2": ("mains", "xppc", 100.0, MARK, 32.7),
    "netagent2_1": ("bypass", "xppc", 100.0, NONE, 16.0),
    "netmanplus_204": ("mains", "rfc1628", 100.0, 8100.0, 8.0),
    "netvision-rfc": ("mains", "rfc1628", 100.0, MARK, 7.0),
    "poweralert_ups": ("mains", "tripplite", 100.0, 4320.0, 10.0),
    "powerwalker-vfi_500r1u": ("mains", "rfc1628", 100.0, 1200.0, 28.0),
    "powerwalker": ("mains", "eppc", 100.0, 36000.0, 27.0),
    "sinetica": ("mains", "sinetica", 100.0, MARK, 39.0),
    "socomec-ups": ("mains", "socomec", 100.0, MARK, 0.0),
    "vertiv-ita2": ("mains", "vertiv_ita2", 100.0, 20820.0, 29.2),
    # Cards that carry a MIB's name line and nothing behind it: they answer, and nothing is known.
    "remoteye4": (NONE, "", NONE, NONE, NONE),
    "snr-erd": (NONE, "", NONE, NONE, NONE),
}

# Recordings that were changed by hand: the same five, and the fact that each must give.
DERIVED: dict[str, tuple[Expected, dict[str, object]]] = {
    "apc_smx750__calibration": (
        ("test", "powernet", 25.0, 16374.0, 76.2), {"test_running": True, "calibration_running": True},
    ),
    "apc_smx750__commlost": ((LOST, "", LOST, LOST, LOST), {"card_link": "lost"}),
    "apc_smx750__lowbattery": (
        ("battery", "powernet", 9.0, 480.0, 76.2), {"battery.status": "low", "on_battery_s": 11700},
    ),
    "apc_smx750__onbattery": (
        ("battery", "powernet", 88.0, 12720.0, 76.2),
        {"battery.status": "normal", "on_battery_s": 137, "card_link": "ok", "overload": False, "test_running": False},
    ),
    "apc_smx750__selftest": (
        ("test", "powernet", 100.0, 16374.0, 76.2), {"test_running": True},
    ),
    "eaton-mgeups_5px__onbattery": (("battery", "rfc1628", 93.0, 2400.0, 59.0), {"on_battery_s": 137}),
    "generex-ups_cs141-v22036__commlost": ((LOST, "", LOST, LOST, LOST), {"card_link": "lost", "alarms_present": 1}),
    "generex-ups_cs141-v22036__lowbattery": (
        ("battery", "rfc1628", 9.0, 480.0, 5.0), {"battery.status": "low", "on_battery_s": 11700},
    ),
    "generex-ups_cs141-v22036__onbattery": (
        ("battery", "rfc1628", 88.0, 12720.0, 5.0),
        {"battery.status": "normal", "on_battery_s": 137, "card_link": "ok"},
    ),
    "generex-ups_cs141-v22036__overload": (
        ("mains", "rfc1628", 100.0, 43680.0, 5.0), {"overload": True, "card_link": "ok", "replace_battery": False},
    ),
    "generex-ups_cs141-v22036__test": (
        ("test", "rfc1628", 100.0, 43680.0, 5.0),
        {"test_running": True, "calibration_running": False, "battery.status": "normal"},
    ),
    "deltaups_rfc1628string__ident": (RECORDED["deltaups_rfc1628string"], {}),
    "liebert_apm__ident": (RECORDED["liebert_apm"], {}),
    "marathonups__ident": (RECORDED["marathonups"], {}),
    "netmanplus_204__ident": (RECORDED["netmanplus_204"], {}),
    "netvision-rfc__ident": (RECORDED["netvision-rfc"], {}),
}  # fmt: skip

# Walks without any UPS MIB that we read: transfer switches, DC plants without a state, racks, generators.
WITHOUT = frozenset({
    "algcom-dc-ups", "apc_ats", "ats", "bke_bke", "cxc", "edgeos-ep", "exeltech-xfersw", "himoinsa-gensets",
    "imcopower-big", "imcopower-ls110", "liebert", "liebert_mph2rg", "socomec", "supercap", "tpdin3", "unifi-usp_rps",
    "valere",
})  # fmt: skip

# Why another program differs from us, by recording and what it says of what; an unexplained difference fails a test.
WHY: dict[tuple[str, str], str] = {
    ("source", "NUT (none)"): "we: NUT's table for the MIB that it chose has no word for this device's value",
    ("source", "NUT battery"): "we: a self-test is in progress, which NUT shows as a plain outage",
    (
        "source",
        "LibreNMS off",
    ): "we: standBy(8) with 236 V at the output: the load is fed, past the inverter",
    ("load", "NUT 3"): "both: NUT gives phase 1, we the highest phase, which is the one that trips",
    ("runtime", "NUT 257698037760"): "we: 4294967295 minutes are all ones, the mark for not known",
    ("runtime", "LibreNMS 257698037700"): "we: 4294967295 minutes are all ones, the mark for not known",
    ("runtime", "NUT 3932100"): "we: 65535 minutes are all ones, the mark for not known",
    ("runtime", "LibreNMS 3932100"): "we: 65535 minutes are all ones, the mark for not known",
    ("runtime", "LibreNMS 9999"): "we: 9999 is the card's mark for not known (the index of quirks)",
    ("runtime", "NUT 0"): "we: a battery at 100 % on mains has a runtime; zero is the mark for not known",
    (
        "runtime",
        "LibreNMS 0",
    ): "we: a battery at 100 % on mains has a runtime; zero is the mark for not known",
    ("runtime", "LibreNMS 1080"): "both: LibreNMS reads RFC 1628's whole minutes, we the maker's seconds",
    (
        "load",
        "LibreNMS 0",
    ): "we: upsAdvOutputLoad reads 31; LibreNMS shows a finer object that is not there",
}
