// The pages that the walk does not pass: wrong password, choice of account and of organisation, signed in, error, form post, flows.
import assert from 'node:assert/strict'
import { App } from './app.mjs'
import { admin, issuerOf, personOf } from './contract.mjs'
import { agree, atApp, id, newPerson, press, signIn } from './person.mjs'

const ENVIRONMENT = 'sandbox'

export async function otherPages({ contract, browser }, looker) {
  const issuer = issuerOf(contract, ENVIRONMENT)
  const context = await browser.newContext()
  const app = await App.start(contract, ENVIRONMENT, 'payments')
  const page = await context.newPage()
  const person = personOf(contract, 'end_user')
  try {
    await page.goto(app.authorizeUrl())
    await signIn(page, { ...person, password: 'not the password' })
    await shown(page, looker, 'notice', 'login-refused')
    await agree(page, person)
    assert.ok(app.answer().code)

    await page.goto(app.authorizeUrl({ prompt: 'select_account' }))
    await shown(page, looker, 'account-continue', 'choose-account')

    await page.goto(`${issuer}/login/done`)
    await shown(page, looker, 'logout-submit', 'signed-in')

    // Nobody is sent to an address that the app has not registered.
    await page.goto(app.authorizeUrl({ redirect_uri: 'https://elsewhere.example/callback' }))
    await shown(page, looker, 'error-code', 'error')

    await page.goto(`${issuer}/docs/payments/flows`)
    await shown(page, looker, 'flows', 'flow-table')

    await documentation(page, looker, issuer)

    await formPost(page, looker, app)
    await page.goto(`${issuer}/login/done`)
    await press(page, 'logout-submit')
    await page.goto(`${issuer}/login/done`)
    await page.locator(id('login-submit')).waitFor()
  } finally {
    app.stop()
    await context.close()
  }
}

async function shown(page, looker, element, name) {
  await page.locator(id(element)).first().waitFor({ state: 'attached' })
  await looker.look(page, name)
}

// Every page of one API, and the list of all. What their programs do is seen elsewhere.
async function documentation(page, looker, issuer) {
  await page.goto(`${issuer}/docs`)
  await shown(page, looker, 'article', 'docs-index')
  await page.goto(`${issuer}/docs/assets`)
  await shown(page, looker, 'article', 'docs-overview')
  for (const topic of ['authentication', 'credentials', 'tenant-setup', 'security', 'errors']) {
    await page.locator(`nav a[href$="/${topic}"]`).click()
    await page.locator('nav [aria-current="page"]').waitFor()
    await shown(page, looker, 'docs-markdown', `docs-${topic}`)
  }
}

// Without its script the page waits for the button; with it, it sends itself.
async function formPost(page, looker, app) {
  const url = () => app.authorizeUrl({ response_mode: 'form_post' })
  await page.route('**/*form_post.js', (route) => route.abort())
  await page.goto(url())
  await shown(page, looker, 'form-post-continue', 'form-post')
  await press(page, 'form-post-continue')
  await atApp(page)
  assert.ok(app.answer().code)
  await page.unroute('**/*form_post.js')
  await page.goto(url())
  await atApp(page)
  assert.ok(app.answer().code)
}

// An app for everybody's members, and a member of two organisations.
export async function chooseTenant({ contract, browser }, looker) {
  const [environment, person] = ['production', newPerson('member')]
  const manifest = {
    tenant: [{ name: 'globe', title: 'Globe Travel' }],
    access: [{ tenant: 'globe', apis: ['payments'], environments: [environment] }],
    user: [{ email: person.email, environments: [environment], memberships: ['acme', 'globe'].map((tenant) => ({ tenant, roles: ['admin'] })) }],
    app: [
      {
        client_id: 'members-web',
        name: 'Members Web',
        environments: [environment],
        tenant: 'globe',
        apis: ['payments'],
        grants: ['authorization_code'],
        redirect_uris: ['http://127.0.0.1/callback'],
        tenancy: 'members',
      },
    ],
  }
  await admin(contract, 'POST', '/apply', { manifest, dry_run: false })
  const at = `/environments/${environment}`
  await admin(contract, 'PUT', `${at}/users/${encodeURIComponent(person.email)}/password`, { password: person.password })
  const { client_secret } = await admin(contract, 'POST', `${at}/apps/members-web/secrets`, {})

  const app = await App.start(contract, environment, 'payments', { client_id: 'members-web', client_secret })
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    await page.goto(app.authorizeUrl())
    await signIn(page, person)
    const { items: tenants } = await admin(contract, 'GET', '/tenants')
    const globe = tenants.find((tenant) => tenant.name === 'globe').id
    await shown(page, looker, `tenant-${globe}`, 'choose-tenant')
    await press(page, `tenant-${globe}`)
    await agree(page, person)
    const tokens = await app.redeem(app.answer().code)
    const claims = JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url'))
    assert.equal(claims.tid, globe)
  } finally {
    app.stop()
    await context.close()
  }
}
