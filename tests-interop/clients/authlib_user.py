"""Python Authlib signs a user in at every environment: code with PKCE, ID token, userinfo, a call, refresh, revocation."""

import json
import secrets
import sys

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from contract import Demo
from person import Person

# Any port of this machine is registered for the demo's apps (RFC 8252 7.3). Nothing listens here: the person stops before it.
REDIRECT_URI = "http://127.0.0.1:9/callback"

demo = Demo(json.load(open(sys.argv[1], encoding="utf-8")))
for environment in ("production", "sandbox"):
    issuer = demo.issuer(environment)
    metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    app, api = demo.app(environment, "payments", "authorization_code"), demo.api(environment, "payments")
    user = demo.person("end_user")
    session = OAuth2Session(
        app["client_id"],
        app["client_secret"],
        scope=demo.scope(environment, "payments"),
        redirect_uri=REDIRECT_URI,
        code_challenge_method="S256",
        token_endpoint_auth_method=app["token_endpoint_auth_method"],
        token_endpoint=metadata["token_endpoint"],
        update_token=lambda token, refresh_token=None, access_token=None: None,
    )
    verifier, nonce = generate_token(64), secrets.token_urlsafe(16)
    url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
    answer = Person(user["email"], user["password"], (issuer,)).agree(url)
    assert isinstance(answer, str) and answer.startswith(REDIRECT_URI), getattr(answer, "url", answer)

    token = session.fetch_token(metadata["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier)
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
    decoded = jwt.decode(token["id_token"], keys, algorithms=metadata["id_token_signing_alg_values_supported"])
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        {"iss": {"value": issuer}, "aud": {"value": app["client_id"]}},
        {"nonce": nonce, "client_id": app["client_id"], "access_token": token["access_token"]},
    )
    claims.validate()

    def call_all():
        told = session.get(metadata["userinfo_endpoint"])
        assert (told.status_code, told.json()["email"], told.json()["sub"]) == (200, user["email"], claims["sub"]), told.text
        assert session.get(api["base_url"] + "/me").status_code == 200

    call_all()
    # The library refreshes by itself when it believes the token to be over.
    first = dict(session.token)
    session.token["expires_at"] = 1
    call_all()
    assert session.token["access_token"] != first["access_token"] and session.token["refresh_token"] != first["refresh_token"]

    session.revoke_token(metadata["revocation_endpoint"], session.token["refresh_token"], token_type_hint="refresh_token")
    try:
        session.refresh_token(metadata["token_endpoint"])
    except OAuthError as refused:
        assert refused.error == "invalid_grant", refused
    else:
        raise AssertionError("a revoked refresh token was refreshed")
    print(f"{environment}: code, ID token, userinfo, call, refresh, revocation")
