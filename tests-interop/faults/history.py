"""What clients were told, and whether it can all be true.

A history is a list of events in the order in which a client saw them. The judge knows nothing of HTTP, SQL or kills: it is
shown to find each kind of lie by history_test.py.
"""

from dataclasses import dataclass, field

# Acts whose subject may be granted once in its life: a code, the form of a consent page.
SINGLE_USE = {"redeem", "approve"}
# What was granted twice by two lives of the server, not by one of them alone.
ACROSS = "before the death and after it"


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
    rules = (once, chain, kept, stays_ended, whole_units, one_outcome, sound)
    for rule in rules:
        found += rule(history.events)
    return found


def once(events):
    """Reliability P2: accepted at most once, over crash and retry."""
    granted, deaths = {}, 0
    for event in events:
        if isinstance(event, Death):
            deaths += 1
        if isinstance(event, Did) and event.act in SINGLE_USE and event.answer == "granted":
            granted.setdefault((event.act, event.subject), []).append(deaths)
    found = []
    for (act, subject), lives in granted.items():
        if len(lives) > 1:
            across = f", {ACROSS}" if len(set(lives)) > 1 else ""
            found.append(f"{act} of {subject} was granted {len(lives)} times{across}")
    return found


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


def one_outcome(events):
    """Where no answer came, the database says how it ended, and whoever asks again is told the same: what was not stored can be
    done, and what was stored cannot be done a second time."""
    found, unheard, stored = [], {}, {}
    for event in events:
        if isinstance(event, Counted) and event.unit in unheard and event.found in (0, event.whole):
            stored[event.unit] = event.found == event.whole
        if not isinstance(event, Did):
            continue
        if event.answer == "none":
            unheard[event.act] = event.subject
        elif unheard.get(event.act) == event.subject and event.act in stored:
            was_stored = stored.pop(event.act)
            if was_stored and event.act in SINGLE_USE and event.answer == "granted":
                found.append(f"{event.act} of {event.subject} was stored without an answer, and is granted once more")
            if not was_stored and event.answer == "refused":
                found.append(f"nothing was stored of {event.act} of {event.subject}, and it is refused")
    return found


def sound(events):
    """Nothing else went wrong."""
    return [event.what for event in events if isinstance(event, Trouble)]
