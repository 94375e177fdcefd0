"""What clients were told, and whether it can all be true.

A history is a list of events in the order in which a client saw them. The judge knows nothing of HTTP, SQL or kills: it is
shown to find each kind of lie by history_test.py.
"""

from dataclasses import dataclass, field

# Acts whose subject may be granted once in its life: a code, the form of a consent page.
SINGLE_USE = {"redeem", "approve"}


@dataclass(frozen=True)
class Did:
    """Something was asked for. No answer is no answer: the server died, and either outcome is right."""

    act: str
    subject: str
    answer: str  # "granted", "refused" or "none"
    gave: tuple = ()  # the credentials in the answer
    ends: tuple = ()  # the credentials that are over by it; without an answer, that may be


@dataclass(frozen=True)
class Saw:
    """Somebody looked at something: a credential by introspection, a decision on a page."""

    subject: str
    state: str  # "alive" or "dead"


@dataclass(frozen=True)
class Counted:
    """The parts of one unit that are in the database after the death."""

    unit: str
    found: int
    whole: int


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong by itself: a database that does not open, a 5xx after the restart."""

    what: str


@dataclass
class Death:
    """The server was killed, and has been started again."""


@dataclass
class History:
    """What was seen, in its order."""

    events: list = field(default_factory=list)

    def add(self, event):
        self.events.append(event)
        return event

    def last(self, act):
        """The latest event of an act."""
        return next(event for event in reversed(self.events) if isinstance(event, Did) and event.act == act)


def violations(history):
    """Every sentence that cannot be true."""
    found = []
    rules = (once, chain, kept, stays_ended, whole_units, sound)
    for rule in rules:
        found += rule(history.events)
    return found


def once(events):
    """Reliability P2: accepted at most once, over crash and retry."""
    granted = {}
    for event in events:
        if isinstance(event, Did) and event.act in SINGLE_USE and event.answer == "granted":
            granted[event.act, event.subject] = granted.get((event.act, event.subject), 0) + 1
    return [f"{act} of {subject} was granted {times} times" for (act, subject), times in granted.items() if times > 1]


def chain(events):
    """A family of refresh tokens is a chain, not a tree: one token has one successor, however often it is shown."""
    successors = {}
    for event in events:
        if isinstance(event, Did) and event.act == "refresh" and event.answer == "granted":
            successors.setdefault(event.subject, set()).add(refresh_of(event))
    return [f"{token} has {len(all_of)} successors" for token, all_of in successors.items() if len(all_of) > 1]


def refresh_of(event):
    return next((name for name in event.gave if name.startswith("refresh:")), "")


def kept(events):
    """Reliability P1: what was given is there at every later look, until something ends it."""
    alive, found = set(), []
    for event in events:
        if isinstance(event, Did):
            if event.answer == "refused" and event.subject in alive:
                found.append(f"{event.subject} was given, and is refused at {event.act}")
            alive |= set(event.gave)
            # Also where no answer came: it may be over now.
            alive -= set(event.ends)
        if isinstance(event, Saw) and event.state == "dead" and event.subject in alive:
            found.append(f"{event.subject} was given, and is lost")
    return found


def stays_ended(events):
    """What was acknowledged as ended, or was once seen dead, never lives again."""
    dead, found = set(), []
    for event in events:
        if isinstance(event, Did):
            # To revoke twice is allowed (RFC 7009 2.2).
            if event.answer == "granted" and event.subject in dead and event.act != "revoke":
                found.append(f"{event.subject} was over, and is granted at {event.act}")
            if event.answer != "none":
                dead |= set(event.ends)
        if isinstance(event, Saw):
            if event.state == "alive" and event.subject in dead:
                found.append(f"{event.subject} was over, and lives")
            if event.state == "dead":
                dead.add(event.subject)
    return found


def whole_units(events):
    """A unit is all or nothing; acknowledged, it is all."""
    found, acknowledged = [], set()
    for event in events:
        if isinstance(event, Did) and event.answer == "granted":
            acknowledged.add(event.act)
        if isinstance(event, Counted):
            if event.found not in (0, event.whole):
                found.append(f"{event.unit}: {event.found} of {event.whole} parts were stored")
            elif event.found == 0 and event.unit in acknowledged:
                found.append(f"{event.unit} was acknowledged, and nothing of it was stored")
    return found


def sound(events):
    """Nothing else went wrong."""
    return [event.what for event in events if isinstance(event, Trouble)]
