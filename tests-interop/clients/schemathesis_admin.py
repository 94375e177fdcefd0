"""The admin API against its own OpenAPI document: no 5xx, no answer that the document does not allow.

    schemathesis_admin.py GRANTOR [SECONDS]

Starts a demo of its own, because much of it is suspended, renamed and deleted on the way. Runs twice: with the document as it is
served, and with one that names what there is (tenants, apps, keys ...), so that requests get past the first 404. The operator's own
end is left out: everything after it would be a 401 and prove nothing.
"""

import collections
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
    narrowed.write_text(json.dumps(narrow(document, what_there_is(api, contract))))
    check(api, served, folder / "served.har", seconds // 4)
    check(api, narrowed, folder / "narrowed.har", seconds - seconds // 4)
    succeeded = operations_that_succeeded(document, folder / "narrowed.har")
    total = sum(method in METHODS for item in document["paths"].values() for method in item)
    print(f"{len(succeeded)} of {total} operations succeeded at least once")
    # A search that only ever meets refusals proves nothing.
    if len(succeeded) < total * 2 // 3:
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


def what_there_is(api, contract):
    """Names and ids of the demo, by the name of the parameter or member that takes them."""
    at = "/environments/production"
    ids = lambda path, name: [item[name] for item in api.get(path)["items"]]
    apis = ids(f"{at}/apis", "name")
    keys = [key["key"] for one in contract["apis"] for key in one.get("api_keys", []) if "key" in key]
    # Nobody listens there.
    hook = {"tenant": "acme", "url": "http://127.0.0.1:9/", "events": ["*"]}
    hooks = [api.post(f"{at}/webhooks", hook)["id"] for _ in range(2)]
    messages = [api.post(f"{at}/webhooks/{hooks[0]}/test", {})["message"]]
    question = {"tenant": "acme", "kind": "other", "text": "A question."}
    cases = [api.post(f"{at}/cases", question)["id"] for _ in range(2)]
    return {
        "webhook": hooks,
        "message": messages,
        "case": cases,
        "environment": ["production"],
        "tenant": ids("/tenants", "name"),
        "api": apis,
        "apis": apis,
        "introspects": apis,
        "client_id": ids(f"{at}/apps", "client_id"),
        "version": [1, 2],
        "key": ids(f"{at}/keys", "id"),
        "user": ids(f"{at}/users", "email"),
        "document": ids("/documents", "id"),
        "operator": ids("/operators", "id"),
        "token": keys or ["none"],
        "If-Match": ["*"],
    }


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
