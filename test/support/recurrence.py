"""Occurrences of recurrence rules by two independent readers: python-dateutil and recurring_ical_events.

Reads {"cases": [{"rrule", "zone", "start", "to", "reader"}]} from stdin, times in epoch seconds; prints one list of
epoch seconds for each case. Both readers compute on the zone's wall clock; PEP 495 (fold=0) gives the instant: a time
in a gap takes the offset before it, a time that is shown twice is the first.
"""
import json
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from dateutil.rrule import rrulestr


def by_dateutil(case, zone, wall):
    end = datetime.fromtimestamp(case["to"], zone).replace(tzinfo=None) + timedelta(days=2)
    rule = rrulestr(case["rrule"], dtstart=wall)
    return [each.replace(tzinfo=zone, fold=0).timestamp() for each in rule.between(wall - timedelta(days=1), end)]


def by_ical(case, zone, wall):
    event = icalendar.Event()
    event.add("uid", "case")
    event.add("dtstart", wall.replace(tzinfo=zone))
    event.add("dtend", wall.replace(tzinfo=zone))
    event.add("rrule", icalendar.vRecur.from_ical(case["rrule"]))
    calendar = icalendar.Calendar()
    calendar.add_component(event)
    begin = datetime.fromtimestamp(case["start"] - 86400, timezone.utc)
    end = datetime.fromtimestamp(case["to"] + 86400, timezone.utc)
    found = recurring_ical_events.of(calendar).between(begin, end)
    return [each["DTSTART"].dt.timestamp() for each in found]


def occurrences(case):
    zone = ZoneInfo(case["zone"])
    wall = datetime.fromtimestamp(case["start"], zone).replace(tzinfo=None, fold=0)
    read = by_ical if case["reader"] == "ical" else by_dateutil
    times = sorted({int(each) for each in read(case, zone, wall)})
    return [each for each in times if case["start"] <= each <= case["to"]]


print(json.dumps([occurrences(case) for case in json.load(sys.stdin)["cases"]]))
