"""The admin API against its own OpenAPI document: no 5xx, no answer that the document does not allow.

    schemathesis_admin.py GRANTOR [SECONDS]

Starts a demo of its own, because much of it is suspended, renamed and deleted on the way. Runs twice: with a document that names
what there is (tenants, apps, keys ...) and has a good request for what chance hardly finds, so that requests get past the first
404; and with the document as it is served. The operator's own end is left out: everything after it would be a 401 and prove
nothing.
"""

import collections
import itertools
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"
METHODS = {"get", "put", "post", "delete", "patch"}


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with open(folder / "contract.json", "w") as out, open(folder / "demo.log", "w") as log:
            command = [binary, "demo", "--json", "--listen", "127.0.0.1:0", "--data", folder / "data"]
            demo = subprocess.Popen(command, stdout=out, stderr=log, cwd=folder)
        try:
            run(folder, seconds)
        finally:
            demo.terminate()
            demo.wait()


def run(folder, seconds):
    contract = wait_for(folder / "contract.json")
    operator = contract["operator"]
    api = Api(operator["api_url"], operator["api_token"])
    document = api.get("/openapi.json")
    served, narrowed = folder / "served.json", folder / "narrowed.json"
    served.write_text(json.dumps(document))
    known = what_there_is(api, contract)
    examples = exemplify(narrow(document, known), good_requests(api, known))
    narrowed.write_text(json.dumps(examples))
    # The examples of the document name tenants of the demo, which is another one afterwards.
    check(api, narrowed, folder / "narrowed.har", seconds - seconds // 4)
    check(api, served, folder / "served.har", seconds // 4)
    succeeded = operations_that_succeeded(document, folder / "narrowed.har")
    every = [(method, path) for path, item in document["paths"].items() for method in METHODS & item.keys()]
    total = len(every)
    print(f"{len(succeeded)} of {total} operations succeeded at least once; never:")
    print("".join(f"  {method.upper()} {path}\n" for method, path in sorted(set(every) - succeeded.keys())), end="")
    # A search that only ever meets refusals proves nothing.
    if len(succeeded) < total * 4 // 5:
        sys.exit("too few operations succeeded: the run proves too little")


def check(api, document, report, seconds):
    tool = pathlib.Path(sys.executable).with_name("schemathesis")
    command = [tool, "run", document, "--url", api.url, "-H", f"Authorization: Bearer {api.token}"]
    # One worker: Python 3.11 parses source in two threads at once to its own confusion (CPython issue 106905).
    command += ["--checks", CHECKS, "--max-time", str(seconds), "--seed", "1", "--workers", "1", "--continue-on-failure"]
    command += ["--exclude-operation-id", "end_an_operator", "--warnings", "off"]
    command += ["--report", "har", "--report-har-path", report]
    done = subprocess.run(command, cwd=report.parent, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout[-8000:] + done.stderr[-2000:])
    print(next(line for line in done.stdout.splitlines() if "generated" in line))


class Api:
    def __init__(self, url, token):
        self.url, self.token = url, token

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def post(self, path, body):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


AT = "/environments/production"


def what_there_is(api, contract):
    """Names and ids of the demo, by the name of the parameter or member that takes them."""
    ids = lambda path, name: [item[name] for item in api.get(path)["items"]]
    apis = ids(f"{AT}/apis", "name")
    keys = [key["key"] for one in contract["apis"] for key in one.get("api_keys", []) if "key" in key]
    # Nobody listens there.
    hook = {"tenant": "acme", "url": "http://127.0.0.1:9/", "events": ["*"]}
    hooks = [api.post(f"{AT}/webhooks", hook)["id"] for _ in range(3)]
    messages = [api.post(f"{AT}/webhooks/{hooks[0]}/test", {})["message"]]
    question = {"tenant": "acme", "kind": "other", "text": "A question."}
    cases = [api.post(f"{AT}/cases", question)["id"] for _ in range(2)]
    spilled = api.post(f"{AT}/apps", {"tenant": "acme", "apis": apis[:1]})["client_secret"]
    incidents = [api.post("/incidents", {"value": spilled})["id"]]
    return {
        "webhook": hooks,
        "message": messages,
        "case": cases,
        "incident": incidents,
        "environment": ["production"],
        "tenant": ids("/tenants", "name"),
        "api": apis,
        "apis": apis,
        "introspects": apis,
        "client_id": ids(f"{AT}/apps", "client_id"),
        "version": [1, 2],
        "key": ids(f"{AT}/keys", "id"),
        "user": ids(f"{AT}/users", "email"),
        "document": ids("/documents", "id"),
        "operator": ids("/operators", "id"),
        "token": keys or ["none"],
        "If-Match": ["*"],
    }


def good_requests(api, known):
    """One request for each operation that chance hardly finds, in the state that it needs: parameters and body, by operation."""
    one = known["apis"][0]
    hooks, documents = known["webhook"], known["document"]

    def applicant(*acts):
        """A tenant that has applied for access, and what was done about it."""
        name = f"applicant-{next(numbers)}"
        api.post("/tenants", {"name": name})
        api.post(f"{AT}/accesses", {"tenant": name, "api": one})
        for act in acts:
            api.post(f"{AT}/accesses/{name}/{one}/{act}", {"reason": "A test."} if act != "approve" else {})
        return {"tenant": name, "api": one}

    def tenant():
        return {"tenant": applicant()["tenant"]}

    def key(*acts):
        """A new key, and what was done about it."""
        new = api.post(f"{AT}/keys", new_key)["id"]
        for act in acts:
            api.post(f"{AT}/keys/{new}/{act}", {})
        return {"key": new}

    numbers = itertools.count()
    known_key = api.get(f"{AT}/keys")["items"][0]
    new_key = {"tenant": known_key["tenant"], "apis": known_key["apis"]}
    person = {"email": "somebody@applicant.example", "email_verified": True}
    user = api.post(f"{AT}/users", person)["id"]
    app = {"tenant": "acme", "apis": [one]}
    client = api.post(f"{AT}/apps", app)["client_id"]
    api.post(f"{AT}/apps/{client}/secrets", {"end_others_after": 3600})
    leaked = api.post(f"{AT}/apps", app)["client_secret"]
    suspended = tenant()
    api.post(f"/tenants/{suspended['tenant']}/suspend", {})
    text = {"texts": {"en": {"title": "Rules", "body": "Be kind."}}}
    return {
        "apply_for_access": ({}, {"tenant": tenant()["tenant"], "api": known["apis"][1]}),
        "approve_an_application": (applicant(), {}),
        "refuse_an_application": (applicant(), {"reason": "Not yet."}),
        "suspend_an_access": (applicant("approve"), {"reason": "A test."}),
        "resume_an_access": (applicant("approve", "suspend"), {"reason": "A test."}),
        "close_an_access": (applicant("approve"), {"reason": "A test."}),
        "record_a_contract": (applicant(), {"sha256": "0" * 64, "signed_at": "2026-01-01T00:00:00Z"}),
        "register_an_app": ({}, app),
        "change_an_app": ({"client_id": client}, app),
        "take_a_rotation_back": ({"client_id": client, "version": 2}, None),
        "let_a_secret_end_later": ({"client_id": client, "version": 1}, {"after": 60}),
        "make_a_key": ({}, new_key),
        "narrow_a_key": (key(), {"addresses": ["203.0.113.0/24"]}),
        "rotate_a_key": (key(), {"overlap": 60}),
        "suspend_a_key": (key(), {}),
        "resume_a_key": (key("suspend"), {}),
        "revoke_a_key": (key(), {"reason": "A test."}),
        "rotate_keys": ({}, {}),
        "make_a_webhook": ({}, {"tenant": "acme", "url": "http://127.0.0.1:9/", "events": ["*"]}),
        "change_a_webhook": ({"webhook": hooks[0]}, {"url": "http://127.0.0.1:9/", "events": ["*"]}),
        "change_a_webhook_s_secret": ({"webhook": hooks[0]}, None),
        "try_a_webhook": ({"webhook": hooks[0]}, None),
        "send_a_message_again": ({"webhook": hooks[0], "message": known["message"][0]}, None),
        "delete_a_webhook": ({"webhook": hooks[-1]}, None),
        "bring_a_credential_that_leaked": ({}, {"value": leaked}),
        "resolve_an_incident": ({"incident": known["incident"][0]}, {"comment": "Looked at."}),
        "make_a_document": ({}, {"kind": "house-rules", "version": text}),
        "publish_a_version": ({"document": documents[0]}, text),
        "make_a_tenant": ({}, {"name": "somebody-else"}),
        "suspend_a_tenant": (tenant(), {}),
        "resume_a_tenant": (suspended, {}),
        "close_a_tenant": (tenant(), {}),
        "make_a_user": ({}, {"email": "another@applicant.example"}),
        "suspend_a_user": ({"user": user}, {}),
        "make_somebody_a_member__or_give_other_roles": ({"user": user, **tenant()}, {"roles": ["viewer"]}),
        "make_an_operator": ({}, {"name": "somebody", "role": "auditor"}),
    }


def exemplify(document, good):
    """The requests of `good` as examples, which are sent before anything else."""
    for item in document["paths"].values():
        # An example is one operation's: what is said at the path for all of them moves to each.
        of_all = item.pop("parameters", [])
        for operation in (value for name, value in item.items() if name in METHODS):
            parameters, body = good.pop(operation["operationId"], (None, None))
            for one in of_all:
                # Chance would take any other one, and what is asked for needs this one.
                this = parameters and parameters.get(one["name"])
                operation["parameters"].append({**one, "schema": {"enum": [this]}, "example": this} if this else one)
            if body is not None:
                operation["requestBody"]["content"]["application/json"]["example"] = body
    assert not good, f"no such operation: {sorted(good)}"
    return document


def narrow(document, known):
    """The same document, with the values that there are in the places of any text."""
    document = json.loads(json.dumps(document))
    for item in document["paths"].values():
        # What a cursor is, only the server knows.
        for operation in (value for key, value in item.items() if key in METHODS):
            operation["parameters"] = [one for one in operation["parameters"] if one["name"] != "cursor"]
        every = item.get("parameters", []) + [one for key in METHODS & item.keys() for one in item[key]["parameters"]]
        for parameter in every:
            if parameter["name"] in known:
                parameter["schema"] = {"enum": known[parameter["name"]]}
                parameter.pop("example", None)
    schemas = document["components"]["schemas"]
    for name in bodies(document):
        for member, schema in schemas[name].get("properties", {}).items():
            if member == "apis" or member == "introspects":
                schemas[name]["properties"][member] = {"type": "array", "items": {"enum": known[member]}, "maxItems": 2}
            elif member in ("tenant", "document", "token", "api"):
                schemas[name]["properties"][member] = {"enum": known[member]}
            elif member == "metadata":
                schema.clear()
                schema.update({"enum": [{}]})
            # What cannot be left out is read as it is sent: the same schema judges answers.
            elif member in ("scopes", "client_id") and "null" in schema.get("type", []):
                schema.clear()
                schema.update({"enum": [None]})
    return document


def bodies(document):
    """The schemas of request bodies."""
    for item in document["paths"].values():
        for method in METHODS & item.keys():
            body = item[method].get("requestBody")
            if body:
                yield body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]


def operations_that_succeeded(document, report):
    patterns = []
    for path, item in document["paths"].items():
        pattern = re.compile("^" + re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)) + "$")
        patterns += [(pattern, method, path) for method in METHODS & item.keys()]
    succeeded = collections.Counter()
    for entry in json.loads(report.read_text())["log"]["entries"]:
        if 200 <= entry["response"]["status"] < 300:
            asked = entry["request"]["url"].split("/admin/v1", 1)[1].split("?")[0]
            for pattern, method, path in patterns:
                if pattern.match(asked) and method == entry["request"]["method"].lower():
                    succeeded[method, path] += 1
    return succeeded


def wait_for(path):
    for _ in range(200):
        text = path.read_text()
        if text.endswith("\n"):
            return json.loads(text)
        time.sleep(0.1)
    sys.exit("the demo did not start")


if __name__ == "__main__":
    main()
