"""Apache's mod_auth_openidc in front of a page: nobody sees it unsigned, the page is told who came, and tokens are refreshed.

An instance of its own on a free port, in a folder of its own; the machine's own Apache is not touched.
"""

import http.server
import json
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time

import requests

from contract import Demo
from person import Page, Person

APACHE = "/usr/sbin/apache2"
MODULES = "/usr/lib/apache2/modules"
ENVIRONMENT = "production"


class Behind(http.server.BaseHTTPRequestHandler):
    """The protected page: it answers with the headers that Apache has sent it."""

    def do_GET(self):
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configuration(folder, port, behind, demo):
    app = demo.app(ENVIRONMENT, "payments", "authorization_code")
    modules = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc", "proxy", "proxy_http"]
    load = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules)
    # Apache gives up root for another user, if it is root.
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    return f"""
ServerRoot "{folder}"
ServerName 127.0.0.1
PidFile "{folder}/apache.pid"
ErrorLog "{folder}/error.log"
LogLevel warn
DefaultRuntimeDir "{folder}"
{load}
{user}Listen 127.0.0.1:{port}

OIDCProviderMetadataURL {demo.issuer(ENVIRONMENT)}/.well-known/openid-configuration
OIDCClientID {app["client_id"]}
OIDCClientSecret {app["client_secret"]}
OIDCProviderTokenEndpointAuth {app["token_endpoint_auth_method"]}
OIDCRedirectURI http://127.0.0.1:{port}/callback
OIDCScope "{demo.scope(ENVIRONMENT, "payments")}"
OIDCPKCEMethod S256
OIDCCryptoPassphrase {secrets.token_hex(32)}
OIDCPassRefreshToken On
OIDCPassUserInfoAs claims
OIDCUserInfoRefreshInterval 0
# A token of an hour that is renewed an hour before its end: with each request.
OIDCRefreshAccessTokenBeforeExpiry 3600 logout_on_error

<Location "/">
    AuthType openid-connect
    Require valid-user
</Location>
ProxyPass "/callback" "!"
ProxyPass "/" "http://127.0.0.1:{behind}/"
"""


def main():
    demo = Demo(json.load(open(sys.argv[1], encoding="utf-8")))
    page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Behind)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="grantor-apache-") as folder:
        pathlib.Path(folder).chmod(0o755)
        config = pathlib.Path(folder, "apache.conf")
        config.write_text(configuration(folder, port, page.server_address[1], demo), encoding="utf-8")
        config.chmod(0o600)
        apache = subprocess.Popen([APACHE, "-f", str(config), "-DFOREGROUND"])
        try:
            visit(demo, f"http://127.0.0.1:{port}", apache)
        except Exception:
            log = pathlib.Path(folder, "error.log")
            print(log.read_text(errors="replace")[-4000:] if log.exists() else "no error log", file=sys.stderr)
            raise
        finally:
            apache.terminate()
            apache.wait(15)
            page.shutdown()


def visit(demo, site, apache):
    wait_for(site, apache)
    user = demo.person("end_user")
    person = Person(user["email"], user["password"], (demo.issuer(ENVIRONMENT), site))
    stranger = requests.get(f"{site}/private", allow_redirects=False, timeout=10)
    assert stranger.status_code == 302 and stranger.headers["Location"].startswith(demo.issuer(ENVIRONMENT)), stranger.status_code

    place = person.agree(f"{site}/private")
    assert isinstance(place, Page) and person.answer.status_code == 200, getattr(place, "url", place)
    first = person.answer.json()
    assert first["oidc_claim_email"] == user["email"] and first["oidc_claim_iss"] == demo.issuer(ENVIRONMENT), first.keys()
    assert first["oidc_claim_email_verified"] == "1" and first["oidc_claim_aud"], first

    time.sleep(1.1)  # the module counts in whole seconds
    person.go("GET", f"{site}/private/again")
    second = person.answer.json()
    assert person.answer.status_code == 200
    assert second["oidc_access_token"] != first["oidc_access_token"], "not refreshed"
    assert second["oidc_refresh_token"] != first["oidc_refresh_token"], "not rotated"
    me = requests.get(
        demo.api(ENVIRONMENT, "payments")["base_url"] + "/me",
        headers={"Authorization": f"Bearer {second['oidc_access_token']}"},
        timeout=10,
    )
    assert me.status_code == 200, me.text
    print("log-in, protected page, claims in headers, refresh, and a call with the new token")


def wait_for(site, apache):
    for _ in range(100):
        if apache.poll() is not None:
            raise AssertionError(f"Apache ended: {apache.returncode}")
        try:
            requests.get(site, allow_redirects=False, timeout=1)
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("Apache does not answer")


if __name__ == "__main__":
    main()
