"""Python Authlib gets a token from every token endpoint of the demo and calls the API with it."""

import json
import sys

from authlib.integrations.requests_client import OAuth2Session

contract = json.load(open(sys.argv[1], encoding="utf-8"))
calls = 0
for api in contract["apis"]:
    for client in api["clients"]:
        if "client_credentials" not in client["grant_types"]:
            continue
        session = OAuth2Session(
            client["client_id"],
            client["client_secret"],
            token_endpoint_auth_method=client["token_endpoint_auth_method"],
        )
        token = session.fetch_token(api["token_endpoint"], grant_type="client_credentials")
        assert token["token_type"] == "Bearer" and isinstance(token["expires_in"], int), token
        for example in api["examples"]:
            if example["method"] != "GET":
                continue
            answer = session.get(api["base_url"] + example["path"])
            expected = 200 if "client" in example["accepts"] else 403
            assert answer.status_code == expected, (api["name"], example, answer.status_code, answer.text)
            calls += 1
assert calls >= 10, calls
print(f"{calls} calls answered as documented")
