"""HTTP as an app and as a person's browser speak it: one connection a request, cookies, forms found by their buttons."""

import base64
import http.client
import json
from html.parser import HTMLParser
from urllib.parse import parse_qs, quote, urlencode, urlsplit

PATIENCE = 20  # seconds; a debug build under strace is slow


class NoAnswer(Exception):
    """The connection ended before the answer did."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def location(self):
        return self.headers.get("location", "")

    def json(self):
        return json.loads(self.body)


def ask(port, method, path, body=None, headers=None):
    """One request. `NoAnswer` if not all of the answer arrives."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, {"connection": "close"} | (headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode())
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(str(error)) from error
    finally:
        connection.close()


def post_form(port, path, fields, client=None):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if client:
        pair = f"{quote(client[0], safe='')}:{quote(client[1], safe='')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return ask(port, "POST", path, urlencode(fields), headers)


class Browser:
    """Cookies by name, nothing else: what a browser brings is a value, so that it can be kept beside a copied folder."""

    def __init__(self, port, cookies=None):
        self.port, self.cookies = port, dict(cookies or {})

    def get(self, path):
        return self._go("GET", path)

    def send(self, form):
        return self._go("POST", form["action"], urlencode(form["fields"]))

    def _go(self, method, path, body=None):
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers |= {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        answer = ask(self.port, method, path, body, headers)
        for line in answer.headers.get_all("set-cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def until_page(self, answer):
        """Follows redirects on our own origin. Gives the page, or the answer that leads to the app."""
        while answer.status == 303 and not is_of_app(answer.location):
            answer = self.get(answer.location)
        return answer


def is_of_app(location):
    return "/callback" in urlsplit(location).path


def code_of(answer):
    """The code in a redirect to the app; empty if there is none."""
    if answer.status != 303 or not is_of_app(answer.location):
        return ""
    return parse_qs(urlsplit(answer.location).query).get("code", [""])[0]


class _Forms(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.forms.append({"action": given.get("action", ""), "fields": [], "buttons": {}})
        elif not self.forms:
            return
        elif tag == "input" and "disabled" not in given and given.get("name"):
            self.forms[-1]["fields"].append((given["name"], given.get("value", "")))
        elif tag == "button":
            self.forms[-1]["buttons"][given.get("id")] = (given.get("name"), given.get("value", ""))


def form(answer, button, **typed):
    """The form that a button sends, with every box ticked and what was typed. `None` where the page has no such button."""
    reader = _Forms()
    reader.feed(answer.body)
    for found in reader.forms:
        if button in found["buttons"]:
            pressed = found["buttons"][button]
            fields = [(name, typed.get(name, value)) for name, value in found["fields"]]
            return {"action": found["action"], "fields": fields + ([pressed] if pressed[0] else [])}
    return None
