#!/usr/bin/env bash
# curl gets a token from every token endpoint of the demo and calls the API with it.
set -euo pipefail
calls=0
while IFS=$'\t' read -r endpoint method id secret url expected; do
    case "$method" in
        client_secret_basic) answer=$(curl -fsS -u "$id:$secret" -d grant_type=client_credentials "$endpoint") ;;
        client_secret_post) answer=$(curl -fsS --data-urlencode "client_id=$id" --data-urlencode "client_secret=$secret" -d grant_type=client_credentials "$endpoint") ;;
        *) echo "unknown method $method" >&2; exit 1 ;;
    esac
    token=$(printf '%s' "$answer" | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
    status=$(curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" "$url")
    [ "$status" = "$expected" ] || { echo "$url answered $status, not $expected" >&2; exit 1; }
    calls=$((calls + 1))
done < <(python3 - "$1" <<'PY'
import json, sys
for api in json.load(open(sys.argv[1]))["apis"]:
    client = api["clients"][0]
    for example in api["examples"]:
        if example["method"] == "GET":
            print(api["token_endpoint"], client["token_endpoint_auth_method"], client["client_id"], client["client_secret"],
                  api["base_url"] + example["path"], 200 if "client" in example["accepts"] else 403, sep="\t")
PY
)
[ "$calls" -ge 10 ] || { echo "only $calls calls" >&2; exit 1; }
echo "$calls calls answered as documented"
