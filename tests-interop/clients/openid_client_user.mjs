// Node openid-client signs a user in, in Chromium: discovery, code with PKCE, ID token, userinfo, a call, refresh, revocation.
import assert from 'node:assert/strict'
import * as client from 'openid-client'
import { App } from '../browser/app.mjs'
import { personOf, readContract } from '../browser/contract.mjs'
import { agree, atApp, openBrowser, press, signIn } from '../browser/person.mjs'

const contract = readContract(process.argv[2])
const browser = await openBrowser()
try {
  for (const environment of ['production', 'sandbox']) {
    for (const responseMode of ['query', 'form_post']) await signsIn(environment, responseMode)
    await denies(environment)
    console.log(`${environment}: code by query and by form, ID token, userinfo, call, refresh, revocation, refusal`)
  }
} finally {
  await browser.close()
}

async function prepare(environment) {
  // The app is no more than its redirect URI here: everything else is the library's.
  const app = await App.start(contract, environment, 'payments')
  const config = await client.discovery(new URL(app.issuer), app.client.client_id, undefined, client.ClientSecretBasic(app.client.client_secret), {
    execute: [client.allowInsecureRequests],
  })
  const verifier = client.randomPKCECodeVerifier()
  const [state, nonce] = [client.randomState(), client.randomNonce()]
  const parameters = {
    redirect_uri: app.redirectUri,
    scope: app.scope,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  }
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  return { app, config, parameters, checks, context: await browser.newContext() }
}

// What came to the redirect URI, as the library reads it.
function answered(app, responseMode) {
  const parameters = new URLSearchParams(app.answers.pop())
  if (responseMode === 'form_post') {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    return new Request(app.redirectUri, { method: 'POST', headers, body: parameters.toString() })
  }
  return new URL(`${app.redirectUri}?${parameters}`)
}

async function signsIn(environment, responseMode) {
  const { app, config, parameters, checks, context } = await prepare(environment)
  try {
    const page = await context.newPage()
    const user = personOf(contract, 'end_user')
    await page.goto(client.buildAuthorizationUrl(config, { ...parameters, response_mode: responseMode }).href)
    await agree(page, user)
    const tokens = await client.authorizationCodeGrant(config, answered(app, responseMode), checks)
    const { sub } = tokens.claims()

    await uses(config, app, tokens, sub, user)
    const fresh = await client.refreshTokenGrant(config, tokens.refresh_token)
    assert.notEqual(fresh.refresh_token, tokens.refresh_token)
    await uses(config, app, fresh, sub, user)

    await client.tokenRevocation(config, fresh.refresh_token)
    await assert.rejects(client.refreshTokenGrant(config, fresh.refresh_token), { error: 'invalid_grant' })
    // The tokens of the grant end with it.
    await assert.rejects(client.fetchUserInfo(config, fresh.access_token, sub))
  } finally {
    app.stop()
    await context.close()
  }
}

async function uses(config, app, tokens, sub, user) {
  const claims = await client.fetchUserInfo(config, tokens.access_token, sub)
  assert.deepEqual([claims.email, claims.email_verified], [user.email, true])
  const me = await client.fetchProtectedResource(config, tokens.access_token, new URL(`${app.api.base_url}/me`), 'GET')
  assert.equal(me.status, 200)
}

async function denies(environment) {
  const { app, config, parameters, checks, context } = await prepare(environment)
  try {
    const page = await context.newPage()
    // Asked again although it was allowed before.
    await page.goto(client.buildAuthorizationUrl(config, { ...parameters, prompt: 'consent' }).href)
    await signIn(page, personOf(contract, 'end_user'))
    await press(page, 'consent-deny')
    await atApp(page)
    await assert.rejects(client.authorizationCodeGrant(config, answered(app, 'query'), checks), { error: 'access_denied' })
  } finally {
    app.stop()
    await context.close()
  }
}
