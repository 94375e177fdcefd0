"""A person with a browser without scripts: cookies, redirects, forms. Elements are found by their ids: those are the contract."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

REDIRECTS = 15


class Page(HTMLParser):
    """The forms of a page. A control is (id, name, value, type, checked)."""

    def __init__(self, url, text):
        super().__init__()
        self.url, self.forms, self.ids = url, [], set()
        self.feed(text)

    def handle_starttag(self, tag, pairs):
        attributes = dict(pairs)
        self.ids.add(attributes.get("id"))
        if tag == "form":
            self.forms.append({"action": attributes.get("action", ""), "controls": []})
        elif tag in ("input", "button") and self.forms and "disabled" not in attributes:
            self.forms[-1]["controls"].append(attributes)

    def send(self, button, typed):
        """Address and fields of the form with this button."""
        for form in self.forms:
            if not any(control.get("id") == button for control in form["controls"]):
                continue
            fields = []
            for control in form["controls"]:
                kind, own = control.get("type", "text"), control.get("id")
                left_out = kind in ("checkbox", "radio") and "checked" not in control and own not in typed
                if not control.get("name") or left_out or (kind == "submit" and own != button):
                    continue
                value = typed.get(own, control.get("value", ""))
                fields.append((control["name"], control.get("value", "") if value is True else value))
            return urljoin(self.url, form["action"]), fields
        raise AssertionError(f"{self.url} has no button {button}")


class Person:
    """Somebody with an account. `own` are the prefixes of addresses that are theirs to open; elsewhere they stop."""

    def __init__(self, email, password, own):
        self.email, self.password, self.own = email, password, own
        self.http = requests.Session()

    def go(self, method, url, fields=None):
        """Follows redirects as far as they are ours: a page, or the address at which somebody else takes over."""
        for _ in range(REDIRECTS):
            if not url.startswith(self.own):
                return url
            answer = self.http.request(method, url, data=fields, allow_redirects=False, timeout=20)
            # To this machine browsers send Secure cookies by plain HTTP, too: it is a trustworthy origin. The library does not.
            for cookie in self.http.cookies:
                cookie.secure = False
            if answer.status_code not in (302, 303):
                self.answer = answer
                return Page(url, answer.text)
            url, method, fields = urljoin(url, answer.headers["Location"]), "GET", None
        raise AssertionError(f"redirects in a circle, the last to {url}")

    def agree(self, url):
        """Signs in, accepts and allows, whatever is asked. Gives what comes after that: a foreign address, or a page."""
        place = self.go("GET", url)
        for _ in range(5):
            if not isinstance(place, Page):
                return place
            if "login-submit" in place.ids:
                step = place.send("login-submit", {"login-email": self.email, "login-password": self.password})
            elif "terms-submit" in place.ids:
                boxes = {name: True for name in place.ids if name and name.startswith("terms-accept-")}
                step = place.send("terms-submit", boxes)
            elif "consent-approve" in place.ids:
                step = place.send("consent-approve", {})
            else:
                return place
            place = self.go("POST", *step)
        raise AssertionError(f"asked again and again at {place.url}")
