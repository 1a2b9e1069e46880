"""The dates of HTTP headers (RFC 9110, section 5.6.7). Pure."""

from __future__ import annotations

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def read_date(text: str) -> float | None:
    """Return the Unix time in seconds, or None if `text` is not a date in one of HTTP's three forms.

    The forms are `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
    time.strptime cannot read them, because it expects the names in the language of the user's locale.
    """
    import calendar

    words = text.replace(",", " ").replace("-", " ").split()[1:]
    if len(words) == 4 and words[0].isalpha():
        month, day, clock, year = words
    elif len(words) == 5 and words[4] in ("GMT", "UTC", "+0000"):
        day, month, year, clock = words[:4]
    else:
        return None
    try:
        hour, minute, second = map(int, clock.split(":"))
        full_year = int(year)
        # RFC 850's years have two digits.
        full_year += (1900 if full_year >= 70 else 2000) if len(year) == 2 else 0
        fields = (full_year, _MONTHS.index(month[:3].lower()) + 1, int(day), hour, minute, second)
        return float(calendar.timegm(fields)) if 1970 <= full_year <= 9999 else None
    except (ValueError, OverflowError):
        return None
