"""A webhook of the demo, checked by the reference library of Standard Webhooks."""
import http.server
import json
import sys
import threading
import urllib.request

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

contract = json.load(open(sys.argv[1]))
operator = contract["operator"]
heard = []
arrived = threading.Event()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        heard.append((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()
        arrived.set()

    def log_message(self, *_):
        pass


def admin(method, path, body):
    request = urllib.request.Request(
        operator["api_url"] + path,
        method=method,
        data=json.dumps(body).encode(),
        headers={"authorization": "Bearer " + operator["api_token"], "content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/hook"
hooks = "/environments/production/webhooks"
made = admin("POST", hooks, {"tenant": "acme", "url": url, "events": ["*"]})
rolled = admin("POST", f"{hooks}/{made['id']}/roll", {})


def message(kind):
    """The first message of a kind."""
    for _ in range(100):
        for headers, body in list(heard):
            if json.loads(body)["type"] == kind:
                return headers, body
        arrived.wait(0.2)
        arrived.clear()
    raise SystemExit(f"no message of the type {kind} arrived")


admin("POST", f"{hooks}/{made['id']}/test", {})
headers, body = message("webhook.test")
for secret in (made["secret"], rolled["secret"]):
    assert Webhook(secret).verify(body, headers)["data"]["subject"] == made["id"]
for wrong, altered in ((Webhook(b"another secret of 32 bytes, wrong"), body), (Webhook(made["secret"]), body + b" ")):
    try:
        wrong.verify(altered, headers)
    except WebhookVerificationError:
        continue
    raise SystemExit("a signature was accepted that is none")
admin("DELETE", f"{hooks}/{made['id']}", {})
print("webhook: both signatures after a roll are good, another secret and another body are not")
