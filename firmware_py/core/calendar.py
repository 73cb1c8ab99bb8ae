"""Dates by arithmetic alone: the year of a UTC second count, and the second count of a written date.

The core may not import datetime. This module must not read a clock.
"""

import re

SECONDS_A_DAY = 86_400


def year_of(utc_s: int) -> int:
    """Gregorian year of seconds since 1970-01-01T00:00Z (after the day-count algorithm for the proleptic calendar)."""
    days = utc_s // SECONDS_A_DAY + 719_468  # days since 0000-03-01
    era = days // 146_097
    day_of_era = days - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    # Years here begin on 1 March: the last 59 or 60 days are January and February of the next.
    return year_of_era + era * 400 + (1 if day_of_year >= 306 else 0)


_WRITTEN = r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?:Z|([+-])(\d\d):(\d\d))"
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def seconds_of(text: str) -> int:
    """Seconds since 1970-01-01T00:00Z of `2026-12-01T08:00+08:00` or `...Z`. ValueError with a sentence for people."""
    found = re.fullmatch(_WRITTEN, text.strip())
    if found is None:
        raise ValueError("must be a date with its offset from UTC, like 2026-12-01T08:00+08:00 or 2026-12-01T00:00Z")
    year, month, day, hour, minute = (int(part) for part in found.groups()[:5])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = _DAYS[month - 1] + (leap and month == 2) if 1 <= month <= 12 else 0
    if not (1 <= day <= longest and hour < 24 and minute < 60 and year >= 1970):
        raise ValueError("there is no such date")
    offset_s = (int(found[7]) * 3_600 + int(found[8]) * 60) * (-1 if found[6] == "-" else 1) if found[6] else 0
    years = year - (month <= 2)
    era, of_era = years // 400, years % 400
    days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return (days - 719_468) * SECONDS_A_DAY + hour * 3_600 + minute * 60 - offset_s


_TIME = r"(\d\d):(\d\d)(?:Z|([+-])(\d\d):(\d\d))"


def second_of_day(text: str) -> int:
    """Seconds after midnight UTC of `09:30+08:00` or `01:30Z`. ValueError with a sentence for people."""
    found = re.fullmatch(_TIME, text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise ValueError("must be a time with its offset from UTC, like 09:30+08:00 or 01:30Z")
    offset_s = (int(found[4]) * 3_600 + int(found[5]) * 60) * (-1 if found[3] == "-" else 1) if found[3] else 0
    return (int(found[1]) * 3_600 + int(found[2]) * 60 - offset_s) % SECONDS_A_DAY
