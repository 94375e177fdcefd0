// An app as a partner would write it: PKCE, a redirect URI on a port of its own, the token endpoint, the API.
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { apiOf, appOf, issuerOf } from './contract.mjs'

const PAGE = '<!doctype html><html lang="en"><title>The app</title><h1 id="app">The app has its answer</h1></html>'

export class App {
  // Listens for the answers. `client` stands in the contract, or was made later.
  static async start(contract, environment, api, client = appOf(contract, environment, api)) {
    const app = new App()
    Object.assign(app, { client, issuer: issuerOf(contract, environment), api: apiOf(contract, environment, api), answers: [] })
    app.server = createServer(async (request, response) => {
      const url = new URL(request.url, 'http://127.0.0.1')
      let parameters = url.searchParams
      if (request.method === 'POST') {
        let body = ''
        for await (const part of request) body += part
        parameters = new URLSearchParams(body)
      }
      if (url.pathname === '/callback') app.answers.push(Object.fromEntries(parameters))
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE)
    })
    await new Promise((ready) => app.server.listen(0, '127.0.0.1', ready))
    app.redirectUri = `http://127.0.0.1:${app.server.address().port}/callback`
    return app
  }

  stop() {
    this.server.closeAllConnections()
    this.server.close()
  }

  // Scopes of OpenID Connect, and all of the API's.
  get scope() {
    const own = this.api.examples.map((example) => example.scope).filter(Boolean)
    return [...new Set(['openid', 'profile', 'email', 'offline_access', ...own])].join(' ')
  }

  // A new request; a later one forgets the earlier.
  authorizeUrl(changes = {}) {
    this.verifier = randomBytes(48).toString('base64url')
    this.state = randomBytes(16).toString('base64url')
    const url = new URL(`${this.issuer}/authorize`)
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: this.client.client_id,
      redirect_uri: this.redirectUri,
      scope: this.scope,
      state: this.state,
      nonce: randomBytes(16).toString('base64url'),
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...changes,
    })
    return url.href
  }

  // The answer that has just come, checked as RFC 6749 10.12 and RFC 9207 ask.
  answer() {
    if (this.answers.length !== 1) throw new Error(`${this.answers.length} answers, not one`)
    const answer = this.answers.pop()
    if (answer.state !== this.state || answer.iss !== this.issuer) throw new Error(`a foreign answer: ${JSON.stringify(answer)}`)
    return answer
  }

  async tokenRequest(parameters) {
    const { client_id: id, client_secret: secret } = this.client
    const answer = await fetch(this.api.token_endpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}` },
      body: new URLSearchParams(parameters),
    })
    return { status: answer.status, ...(await answer.json()) }
  }

  redeem(code) {
    return this.tokenRequest({ grant_type: 'authorization_code', code, redirect_uri: this.redirectUri, code_verifier: this.verifier })
  }

  refresh(token) {
    return this.tokenRequest({ grant_type: 'refresh_token', refresh_token: token })
  }

  async get(url, token) {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    return { status: answer.status, ...(await answer.json()) }
  }

  me(token) {
    return this.get(`${this.api.base_url}/me`, token)
  }

  userinfo(token) {
    return this.get(`${this.issuer}/userinfo`, token)
  }
}
