"""The year of a UTC second count, by arithmetic alone: incidents carry it in their number.

The core may not import datetime. This module must not read a clock.
"""

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
