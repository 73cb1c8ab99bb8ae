"""Systems and network (PROCEDURES.md, section 5): a service is down, its standby takes over, both are down."""

import pytest

from firmware_py.core.reading import Value
from tests.stories.story import Teller, plan_of


@pytest.fixture
def floor() -> Teller:
    values: dict[str, Value] = {"storage.sound": True, "clock.utc_s": 1_795_000_000}
    for side in ("crm.main", "crm.standby", "website.main"):
        values[f"{side}.up"] = True
    values |= {"crm.main.cert_days": 90.0, "crm.standby.cert_days": 90.0}
    return Teller(plan=plan_of("systems.toml"), values=values)


def test_the_standby_takes_over_and_both_down_means_paper(floor: Teller) -> None:
    floor.tell("""
        0:30  expect alarm crm.main_down normal
        1:00  crm.main.up = no
        2:10  expect alarm crm.main_down active_unacked
        2:10  expect alarm crm.down normal                         (the standby answers)
        2:10  expect flag manual_records down
        3:00  crm.standby.up = no
        4:10  expect alarm crm.down active_unacked
        4:10  expect lamp LINK first                               (main was first)
        4:10  expect flag manual_records up
        4:10  expect told systems.lost
        4:10  expect mode NORMAL                                   (nothing is given up for it)
        4:10  expect told incident.escalated tier=1
        60:00 expect not told incident.escalated tier=3
        63:00 expect told incident.escalated tier=3                (not solved in 60 minutes)
        64:00 crm.main.up = yes
        65:10 expect flag manual_records down
        65:10 expect told systems.returned
    """)


def test_a_website_is_found_down_early_and_one_lost_look_is_none(floor: Teller) -> None:
    floor.tell("""
        1:00  website.main.up = no
        1:20  website.main.up = yes
        2:30  expect alarm website.down normal
        3:00  website.main.up = no
        4:10  expect alarm website.down active_unacked
    """)


def test_what_cannot_be_looked_at_from_here_is_neither_up_nor_down(floor: Teller) -> None:
    floor.tell("""
        1:00  crm.main.up is dark
        1:00  crm.standby.up is dark
        5:00  expect alarm crm.down normal
        6:10  expect alarm crm.unjudged active_unacked
    """)


def test_a_certificate_is_told_a_month_before_its_end(floor: Teller) -> None:
    floor.tell("""
        1:00  crm.standby.cert_days = 29
        1:02  expect alarm crm.cert_ending active_unacked
    """)
