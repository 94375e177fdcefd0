"""The operations that a kill interrupts: how each is prepared and done, of what parts its unit consists, and what is asked
of the server that comes up again."""

import hashlib
import time

from browser import Browser, NoAnswer, code_of, form, post_form
from history import Did, History, Saw, Trouble
from server import Disturbed
from world import PASSWORD, SCOPE, must

# The server gives a lost successor again within ten seconds; what takes longer is not asked for.
GRACE = 8


def named(kind, secret):
    """A credential by a name of its own: histories are printed, secrets are not."""
    return f"{kind}:{hashlib.sha256(secret.encode()).hexdigest()[:8]}" if secret else ""


class Run:
    """One server, one operation, one history."""

    def __init__(self, world):
        self.world, self.history, self.secrets = world, History(), {}

    def asked(self, send):
        """An answer, or none. A 5xx without a word on when to come back is wrong at any time."""
        try:
            answer = send()
        except NoAnswer:
            return None
        if answer.status >= 500 and "retry-after" not in answer.headers:
            self.history.add(Trouble(f"status {answer.status} without Retry-After"))
        return answer

    def token(self, act, subject, fields, ends=()):
        """A token request, as an event. `ends`: what is over if it is granted, or if it is refused."""
        answer = self.asked(lambda: self.world.token(self.world.payments, fields))
        if answer is None:
            return self.history.add(Did(act, subject, "none"))
        if answer.status != 200:
            return self.history.add(Did(act, subject, "refused", ends=tuple(ends)))
        body = answer.json()
        gave = tuple(self.keep(kind, body.get(field, "")) for kind, field in (("access", "access_token"), ("refresh", "refresh_token")))
        return self.history.add(Did(act, subject, "granted", tuple(name for name in gave if name), tuple(ends)))

    def keep(self, kind, secret):
        name = named(kind, secret)
        self.secrets[name] = secret
        return name

    def redeem(self, code, ends=()):
        return self.token("redeem", code, self.world.payments.redemption(self.secrets[code]), ends)

    def refresh(self, token, ends=()):
        fields = {"grant_type": "refresh_token", "refresh_token": self.secrets[token]}
        return self.token("refresh", token, fields, ends)

    def revoke(self, token, ends):
        answer = self.asked(
            lambda: post_form(self.world.port, "/revoke", {"token": self.secrets[token]}, self.world.payments.credentials)
        )
        told = "none" if answer is None else "granted" if answer.status == 200 else "refused"
        return self.history.add(Did("revoke", token, told, ends=() if told == "refused" else ends))

    def look(self, access):
        app = self.world.payments
        form = {"token": self.secrets[access]}
        answer = self.asked(lambda: post_form(self.world.port, app.introspect_path, form, app.resource_server))
        if answer is None or answer.status != 200:
            self.history.add(Trouble(f"introspection gave {answer and answer.status}"))
            return None
        return self.history.add(Saw(access, "alive" if answer.json()["active"] else "dead"))

    def link(self):
        """Has the audit linked and signed."""
        answer = self.asked(lambda: self.world.operator("POST", "/audit/checkpoint"))
        told = "none" if answer is None else "granted" if answer.status == 200 else "refused"
        return self.history.add(Did("link", "audit", told))

    def look_at_audit(self):
        """Whether the chain has every entry, without a gap, and fits what was signed: asked of the program itself."""
        if self.link().answer != "granted":
            self.history.add(Trouble("the audit cannot be linked any more"))
        verdict = self.world.verified()
        if not verdict.get("verified"):
            self.history.add(Trouble(f"the audit is not whole: {verdict.get('reason')}"))
        elif verdict["unlinked"]:
            self.history.add(Trouble(f"{verdict['unlinked']} entries of the audit got no place"))

    def new_code(self):
        """A code by the session and the consent that were prepared."""
        answer = Browser(self.world.port, self.world.known).get(self.world.payments.authorize(SCOPE))
        code = code_of(answer)
        if not code:
            raise RuntimeError(f"no code without a page: {answer.status} {answer.location}")
        return self.keep("code", code)

    def new_tokens(self):
        """Access and refresh token of a new Grant."""
        given = self.redeem(self.new_code())
        if given.answer != "granted" or len(given.gave) != 2:
            raise RuntimeError(f"the setup got no tokens: {given}")
        return given.gave


class Redeem(Run):
    name = "redeem"
    parts = [
        ("SELECT count(*) FROM grants WHERE state = 'active'", 0, 1),
        ("SELECT count(*) FROM audit WHERE action = 'grant.redeem'", 0, 1),
    ]

    def setup(self):
        self.code = self.new_code()

    def act(self):
        self.redeem(self.code)

    def probe(self):
        given = self.history.last("redeem")
        if given.answer != "granted":
            given = self.redeem(self.code)
        over = ()
        if given.answer == "granted":
            access, refresh = given.gave
            self.look(access)
            again = self.refresh(refresh)
            over = (*given.gave, *again.gave)
        # A replay is refused, and ends what came of the code (RFC 6749 4.1.2).
        self.redeem(self.code, over)
        for access in (name for name in over if name.startswith("access:")):
            self.look(access)
        for refresh in (name for name in over if name.startswith("refresh:")):
            self.refresh(refresh)


class Refresh(Run):
    name = "refresh"
    parts = [("SELECT count(*) FROM grants WHERE generation = 2", 0, 1)]

    def setup(self):
        self.access, self.token_1 = self.new_tokens()

    def act(self):
        self.begun = time.monotonic()
        self.refresh(self.token_1)

    def probe(self):
        given = self.history.last("refresh")
        if time.monotonic() - self.begun < GRACE:
            # Whether the answer was lost or not: the identical successor, twice.
            given = self.refresh(self.token_1)
            self.refresh(self.token_1)
        elif given.answer == "none":
            raise Disturbed(f"the server was not back within {GRACE} s")
        if given.answer != "granted":
            self.history.add(Trouble("a client whose answer was lost is locked out of its Grant"))
            return
        access, token_2 = given.gave
        self.look(access)
        third = self.refresh(token_2, (self.token_1,))
        if third.answer != "granted":
            return
        # An older generation proves a reuse: the family is over (RFC 9700 4.14.2).
        self.refresh(self.token_1, (*given.gave, *third.gave, self.access))
        self.look(third.gave[0])
        self.refresh(third.gave[1])


class Revoke(Run):
    name = "revoke"
    parts = [
        ("SELECT count(*) FROM grants WHERE state = 'ended'", 0, 1),
        ("SELECT count(*) FROM audit WHERE action = 'grant.end'", 0, 1),
    ]

    def setup(self):
        self.both = self.new_tokens()

    def act(self):
        self.revoke(self.both[1], self.both)

    def probe(self):
        if self.history.last("revoke").answer != "granted":
            self.look(self.both[0])
        # Once more is no error (RFC 7009 2.2), and then it is over in any case.
        self.revoke(self.both[1], self.both)
        self.look(self.both[0])
        self.refresh(self.both[1])


class Approve(Run):
    name = "approve"
    parts = [
        ("SELECT count(*) FROM consents", 0, 1),
        ("SELECT count(*) FROM grants", 0, 1),
        ("SELECT count(*) FROM audit WHERE action = 'consent.give'", 0, 1),
        ("SELECT count(*) FROM interactions", 1, -1),
        # In the prepared folder no session was used since its log-in (`_age` of world.py).
        ("SELECT count(*) FROM sessions WHERE seen_at >= auth_time", 0, 1),
    ]

    def setup(self):
        self.person = Browser(self.world.port, self.world.known)
        page = self.person.until_page(self.person.get(self.world.assets.authorize(self.world.assets_scope)))
        self.form = must(form(page, "consent-approve"), page)

    def act(self):
        self.approve()

    def approve(self):
        answer = self.asked(lambda: self.person.send(self.form))
        code = code_of(answer) if answer else ""
        if not code:
            return self.history.add(Did("approve", "form", "refused" if answer else "none"))
        return self.history.add(Did("approve", "form", "granted", (self.keep("code", code), "consent")))

    def probe(self):
        given = self.history.last("approve")
        if given.answer == "granted":
            self.approve()
        else:
            given = self.approve()
        # Asked again: no second consent page, whoever allowed it and heard of it or not.
        answer = self.asked(lambda: self.person.get(self.world.assets.authorize(self.world.assets_scope)))
        self.history.add(Saw("consent", "alive" if answer and code_of(answer) else "dead"))
        for code in given.gave[:1]:
            self.assets(code)
            self.assets(code)

    def assets(self, code):
        world = self.world
        answer = self.asked(lambda: world.token(world.assets, world.assets.redemption(self.secrets[code])))
        granted = answer is not None and answer.status == 200
        # A code is over once it is redeemed.
        self.history.add(Did("redeem", code, "granted" if granted else "refused", ends=(code,)))


class Accept(Run):
    name = "accept"

    @property
    def parts(self):
        documents = self.world.documents
        return [
            ("SELECT count(*) FROM acceptances", 0, documents),
            ("SELECT count(*) FROM audit WHERE action = 'document.accept'", 0, documents),
            ("SELECT count(*) FROM sessions", 0, 1),
            ("SELECT sum(version) FROM interactions", 0, 1),
        ]

    def setup(self):
        self.person = Browser(self.world.port, self.world.new)

    def act(self):
        answer = self.asked(lambda: self.person.send(self.world.terms))
        accepted = answer is not None and answer.status == 303 and "/consent" in answer.location
        self.next = answer.location if accepted else ""
        gave = ("acceptance", "session") if accepted else ()
        self.history.add(Did("accept", "terms", "granted" if accepted else "refused" if answer else "none", gave))

    def probe(self):
        stored = self.world.admin("GET", f"/users/{self.world.new_email}/acceptances")["items"]
        if self.next:
            page = self.person.get(self.next)
            self.history.add(Saw("session", "alive" if form(page, "consent-approve") else "dead"))
        # In another browser: the terms are asked for exactly if they are not accepted.
        other = Browser(self.world.port)
        page = self.world.sign_in(other, self.world.payments.authorize(SCOPE), self.world.new_email, PASSWORD)
        asked = form(page, "terms-submit") is not None
        if not asked and form(page, "consent-approve") is None:
            self.history.add(Trouble(f"neither terms nor consent after the log-in: {page.status}"))
        if asked == (len(stored) == self.world.documents):
            self.history.add(Trouble(f"{len(stored)} acceptances are stored, and the terms are {'' if asked else 'not '}asked for"))
        self.history.add(Saw("acceptance", "dead" if asked else "alive"))


class Link(Run):
    """What waits in the audit gets its place, and a checkpoint is signed: one unit."""

    name = "link"
    parts = [
        # The setup leaves two entries without a place: a Grant that was made, and its code's redemption.
        ("SELECT count(*) FROM audit WHERE number IS NULL", 2, -2),
        ("SELECT count(*) FROM audit WHERE link IS NOT NULL", 0, 2),
        ("SELECT count(*) FROM audit_checkpoints", 0, 1),
    ]

    def setup(self):
        self.new_tokens()

    def act(self):
        self.link()

    def probe(self):
        self.link()


OPERATIONS = {operation.name: operation for operation in (Redeem, Refresh, Revoke, Approve, Accept, Link)}
