"""The prepared folder: a demo in which one user has signed in and allowed an app, and another stands before the terms."""

import base64
import hashlib
import json
import pathlib
import signal
import sqlite3
import subprocess
import time
from urllib.parse import urlencode, urlsplit

from browser import Browser, code_of, form, post_form
from server import START_SECONDS, environment, free_port
import browser

PASSWORD = "violet harbour engine 7 lantern"
VERIFIER = "a-verifier-of-the-fault-harness-which-is-long-enough-0123456789"
SCOPE = "payments:read payments:write"


class App:
    """An app for users, as the demo's contract shows it."""

    def __init__(self, contract, api):
        entry = next(entry for entry in contract["apis"] if entry["name"] == api and entry["environment"] == "production")
        client = next(client for client in entry["clients"] if "authorization_code" in client["grant_types"])
        self.credentials = (client["client_id"], client["client_secret"])
        self.redirect_uri = client["redirect_uris"][0]
        self.token_path = urlsplit(entry["token_endpoint"]).path
        introspection = entry["introspection"]
        self.introspect_path = urlsplit(introspection["endpoint"]).path
        self.resource_server = (introspection["client_id"], introspection["client_secret"])

    def authorize(self, scope):
        """Where the app sends its user."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code", "client_id": self.credentials[0], "redirect_uri": self.redirect_uri, "scope": scope,
            "state": "of-the-app", "code_challenge": challenge, "code_challenge_method": "S256",
        }
        return "/authorize?" + urlencode(asked)

    def redemption(self, code):
        """The form that redeems a code."""
        return {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri, "code_verifier": VERIFIER,
        }


class World:
    """What was prepared, and how to talk about it."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.port = binary, pathlib.Path(folder), free_port()
        demo = self._start(binary)
        try:
            self.payments, self.assets = App(self.contract, "payments"), App(self.contract, "assets")
            self.assets_scope = next(
                example["scope"] for entry in self.contract["apis"]
                if entry["name"] == "assets" and entry["environment"] == "production" for example in entry["examples"] if example["scope"]
            )
            self._known_user()
            self._new_user()
        finally:
            demo.send_signal(signal.SIGTERM)
            if demo.wait(START_SECONDS) != 0:
                raise RuntimeError(f"the demo did not end in order ({self.folder}/demo.log)")
        if (self.folder / "grantor.db-wal").exists():
            raise RuntimeError("the prepared database has a log: the demo was not stopped in order")
        self._age()

    def _start(self, binary):
        listen = f"127.0.0.1:{self.port}"
        command = [binary, "demo", "--json", "--listen", listen, "--data", str(self.folder)]
        self.folder.mkdir(parents=True)
        out, log = open(self.folder / "contract.json", "w+b"), open(self.folder / "demo.log", "wb")
        demo = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        end = time.monotonic() + START_SECONDS
        while b"\n" not in (self.folder / "contract.json").read_bytes():
            if demo.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the demo did not get ready: {(self.folder / 'demo.log').read_text()}")
            time.sleep(0.02)
        self.contract = json.loads((self.folder / "contract.json").read_text())
        return demo

    def _known_user(self):
        """The demo's end user signs in and allows the payments app: from then on a code is one request."""
        user = next(user for user in self.contract["users"] if user["role"] == "end_user")
        person = Browser(self.port)
        page = self.sign_in(person, self.payments.authorize(SCOPE), user["email"], user["password"])
        answer = person.send(must(form(page, "consent-approve"), page))
        # Redeemed, so that no clock makes a difference to the prepared rows.
        redeemed = self.token(self.payments, self.payments.redemption(code_of(answer)))
        if redeemed.status != 200:
            raise RuntimeError(f"no token for the known user: {redeemed.status} {redeemed.body[:300]}")
        self.known = person.cookies

    def _new_user(self):
        """Somebody who has accepted nothing yet stands before the terms."""
        self.new_email = "newcomer@people.example"
        self.admin("POST", "/users", {"email": self.new_email, "email_verified": True, "password": PASSWORD})
        person = Browser(self.port)
        page = self.sign_in(person, self.payments.authorize(SCOPE), self.new_email, PASSWORD)
        self.terms = must(form(page, "terms-submit"), page)
        self.documents = sum(1 for name, _ in self.terms["fields"] if name == "accept")
        self.new = person.cookies

    def _age(self):
        """Makes the sessions unused for five minutes. A session that was not used for a minute is marked as used by the unit of the
        next answer: so that part belongs to the operation always, not only once this program has run for a minute."""
        connection = sqlite3.connect(self.folder / "grantor.db")
        connection.execute("UPDATE sessions SET seen_at = seen_at - 300000")
        connection.commit()
        connection.close()

    def sign_in(self, person, url, email, password):
        """From an authorization request over the log-in page to the page behind it."""
        page = person.until_page(person.get(url))
        typed = must(form(page, "login-submit", email=email, password=password), page)
        return person.until_page(person.send(typed))

    def admin(self, method, path, body=None):
        token = {"authorization": f"Bearer {self.contract['operator']['api_token']}", "content-type": "application/json"}
        path = "/admin/v1/environments/production" + path
        answer = browser.ask(self.port, method, path, json.dumps(body) if body else None, token)
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body[:300]}")
        return answer.json()

    def operator(self, method, path):
        """A request of the operator's to the whole installation."""
        token = {"authorization": f"Bearer {self.contract['operator']['api_token']}", "content-type": "application/json"}
        return browser.ask(self.port, method, "/admin/v1" + path, "{}", token)

    def verified(self):
        """What `grantor audit verify` says of the server that runs now."""
        to = {"GRANTOR_URL": f"http://127.0.0.1:{self.port}/admin/v1", "GRANTOR_TOKEN": self.contract["operator"]["api_token"]}
        command = [self.binary, "audit", "verify", "--json"]
        done = subprocess.run(command, env=environment() | to, capture_output=True, text=True, timeout=START_SECONDS)
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            return {"verified": False, "reason": done.stderr.strip()}

    def token(self, app, fields):
        return post_form(self.port, app.token_path, fields, app.credentials)


def must(found, page):
    if found is None:
        raise RuntimeError(f"a page has not the form that it should have: {page.status} {page.location} {page.body[:600]}")
    return found
