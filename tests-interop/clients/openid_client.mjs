// Node openid-client discovers every environment, gets tokens with the registered method, and calls the APIs.
import { readFileSync } from 'node:fs'
import * as client from 'openid-client'

const contract = JSON.parse(readFileSync(process.argv[2], 'utf8'))
let calls = 0
for (const api of contract.apis) {
  const issuer = contract.environments.find((environment) => environment.name === api.environment).issuer
  for (const app of api.clients.filter((app) => app.grant_types.includes('client_credentials'))) {
    const method = app.token_endpoint_auth_method === 'client_secret_post'
      ? client.ClientSecretPost(app.client_secret)
      : client.ClientSecretBasic(app.client_secret)
    for (const algorithm of ['oauth2', 'oidc']) {
      const config = await client.discovery(new URL(issuer), app.client_id, undefined, method, {
        algorithm,
        execute: [client.allowInsecureRequests],
      })
      // Discovery names one canonical token endpoint; `resource` says which API is meant.
      const resource = api.audience
      const tokens = await client.clientCredentialsGrant(config, { resource })
      if (tokens.token_type !== 'bearer' || !(tokens.expires_in > 0)) throw new Error(JSON.stringify(tokens))
      for (const example of api.examples.filter((example) => example.method === 'GET')) {
        const answer = await client.fetchProtectedResource(config, tokens.access_token, new URL(api.base_url + example.path), 'GET')
          .catch((error) => error.response ?? error.cause ?? error)
        const expected = example.accepts.includes('client') ? 200 : 403
        if (answer.status !== expected) throw new Error(`${api.name} ${example.path}: ${answer.status}, not ${expected}`)
        calls += 1
      }
    }
  }
}
if (calls < 20) throw new Error(`only ${calls} calls`)
console.log(`${calls} calls answered as documented`)
