// The whole story of somebody new: sign-up by mail, terms, consent, code, token, call; new terms; declined; accepted.
import assert from 'node:assert/strict'
import { App } from './app.mjs'
import { fits } from './look.mjs'
import { acceptDocuments, approve, atApp, id, linkInMail, newPerson, press, signIn, signUp } from './person.mjs'
import { publishTerms } from './terms.mjs'

const FIRST = 'Transfers now say what they cost before you confirm them.'
const SECOND = 'An account costs nothing.'

export async function walk(stage, { about, options, looker }) {
  const { contract, grantor, browser } = stage
  const context = await browser.newContext(options)
  const app = await App.start(contract, 'production', 'payments')
  try {
    const page = await context.newPage()
    const blocked = []
    page.on('console', (message) => /content security policy/i.test(message.text()) && blocked.push(message.text()))
    // What every page is looked at for; pictures come from one walk only.
    const at = async (element, name) => {
      await page.locator(id(element)).first().waitFor({ state: 'attached' })
      await fits(page, `${about}: ${name}`)
      await looker?.look(page, name)
    }
    const person = newPerson(about)
    const grant = await signsUp({ contract, app, page, person, at, context })
    await meetsNewTerms({ contract, grantor, app, page, person, at, context, grant })
    // What the pages need, their content security policy lets through.
    assert.deepEqual(blocked, [], about)
  } finally {
    app.stop()
    await context.close()
  }
}

async function signsUp({ contract, app, page, person, at, context }) {
  await page.goto(app.authorizeUrl())
  await at('login-submit', 'login')
  await press(page, 'login-signup')
  await at('signup-submit', 'signup')
  await signUp(page, { ...person, password: person.email })
  await at('notice', 'signup-refused')
  await signUp(page, person)
  await at('signup-sent-email', 'signup-sent')

  await page.goto(await linkInMail(contract.mail_dir, person.email))
  await at('terms-submit', 'terms')
  // No box is ticked for anybody, and without both nothing goes on: the page itself says so.
  assert.equal(await page.locator('[id^="terms-accept-"]').count(), 2)
  assert.equal(await page.locator('[id^="terms-accept-"]:checked').count(), 0)
  await page.check(id('terms-accept-terms'))
  await page.click(id('terms-submit'))
  assert.equal(await page.locator(id('terms-submit')).count(), 1)
  assert.ok(!(await hasSession(context)), 'no session before both are accepted')
  await acceptDocuments(page)

  await at('consent-approve', 'consent')
  assert.equal(await page.locator(id('consent-email')).innerText(), person.email)
  await approve(page)
  await atApp(page)
  assert.ok(await hasSession(context))

  const tokens = await redeemed(app, person)
  const again = await app.refresh(tokens.refresh_token)
  assert.equal(again.status, 200)
  assert.notEqual(again.refresh_token, tokens.refresh_token)
  return again.refresh_token
}

// Chromium keeps a Secure cookie of 127.0.0.1 though it came by plain HTTP: a trustworthy origin.
async function hasSession(context) {
  const session = (await context.cookies()).find((cookie) => cookie.name === '__Host-grt_production')
  if (session) assert.ok(session.secure && session.httpOnly && session.sameSite === 'Lax' && session.path === '/')
  return Boolean(session)
}

// The code that has just come, a call and the claims of the user.
async function redeemed(app, person) {
  const { code } = app.answer()
  const tokens = await app.redeem(code)
  assert.equal(tokens.status, 200, JSON.stringify({ error: tokens.error, why: tokens.error_description }))
  assert.ok(tokens.refresh_token && tokens.id_token)
  assert.equal((await app.me(tokens.access_token)).status, 200)
  const claims = await app.userinfo(tokens.access_token)
  assert.deepEqual([claims.status, claims.email, claims.email_verified], [200, person.email, true])
  return tokens
}

async function meetsNewTerms({ contract, grantor, app, page, person, at, context, grant }) {
  await publishTerms(contract, grantor, { grace: '1h', changes: FIRST })
  const within = await app.refresh(grant)
  assert.equal(within.status, 200, 'within the grace a refresh works')
  await publishTerms(contract, grantor, { grace: '0s', changes: SECOND })
  const after = await app.refresh(within.refresh_token)
  assert.deepEqual([after.status, after.error, after.reason], [400, 'invalid_grant', 'documents_open'])
  assert.match(after.error_description, /new version of the terms/)

  // The next sign-in does not get past the new version; the page says what changed, in each version since.
  await context.clearCookies()
  await page.goto(app.authorizeUrl())
  await signIn(page, person)
  await at('terms-submit', 'terms-changed')
  assert.equal(await page.locator('[id^="terms-accept-"]').count(), 1)
  const changes = await page.locator(id('terms-changes-terms')).locator('li').allInnerTexts()
  assert.deepEqual(changes.map((change) => change.trim()), [FIRST, SECOND])
  await press(page, 'terms-decline')
  await atApp(page)
  const declined = app.answer()
  assert.deepEqual([declined.error, declined.code], ['access_denied', undefined])
  assert.ok(!(await hasSession(context)), 'no session without acceptance')

  await page.goto(app.authorizeUrl())
  await signIn(page, person)
  await at('terms-submit', 'terms-changed')
  // What was allowed before the terms changed is still allowed: no second consent.
  await acceptDocuments(page)
  await atApp(page)
  assert.ok(await hasSession(context))
  const tokens = await redeemed(app, person)
  assert.equal((await app.refresh(tokens.refresh_token)).status, 200, 'the new grant is refreshed')
}
