// Sign-in, terms and consent with nothing but a keyboard: every control is reached in order, and it is seen where one is.
import assert from 'node:assert/strict'
import { App } from './app.mjs'
import { atApp, id, linkInMail, newPerson } from './person.mjs'

export async function byKeyboard({ contract, browser }) {
  const context = await browser.newContext()
  const app = await App.start(contract, 'sandbox', 'payments')
  const person = newPerson('keyboard')
  try {
    const page = await context.newPage()
    const keys = page.keyboard
    await page.goto(app.authorizeUrl())
    // The page puts whoever arrives into its first field.
    assert.equal(await focused(page), 'login-email')
    await tabTo(page, 'login-signup')
    await keys.press('Enter')
    await page.locator(id('signup-submit')).waitFor()
    for (const [field, text] of [['signup-name', person.name], ['signup-email', person.email], ['signup-password', person.password]]) {
      await tabTo(page, field)
      await keys.type(text)
    }
    await keys.press('Enter')
    await page.locator(id('signup-sent-email')).waitFor()

    await page.goto(await linkInMail(contract.mail_dir, person.email))
    // Texts that scroll are reached as well, or nobody could read them to the end.
    await tabTo(page, 'region')
    await scrolls(page)
    for (const box of ['terms-accept-data-protection', 'terms-accept-terms']) {
      await tabTo(page, box)
      await keys.press('Space')
    }
    await tabTo(page, 'terms-submit')
    await keys.press('Enter')

    await page.locator(id('consent-approve')).waitFor()
    await tabTo(page, 'consent-scope-email')
    await keys.press('Space')
    await tabTo(page, 'consent-approve')
    await keys.press('Space')
    await atApp(page)
    const tokens = await app.redeem(app.answer().code)
    assert.equal(tokens.status, 200)
    // What was unticked is not granted.
    assert.ok(!tokens.scope.split(' ').includes('email') && tokens.scope.split(' ').includes('openid'), tokens.scope)
  } finally {
    app.stop()
    await context.close()
  }
}

// The id of the element with the focus, or its role.
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute('role') || '')

async function tabTo(page, wanted) {
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press('Tab')
    await isSeen(page)
    if ((await focused(page)) === wanted) return
  }
  throw new Error(`${page.url()}: the Tab key never leads to ${wanted}`)
}

// The focus has a ring around it.
async function isSeen(page) {
  const style = await page.evaluate(() => {
    const element = document.activeElement
    if (element === document.body) return null
    const { outlineStyle, outlineWidth } = getComputedStyle(element)
    return { id: element.id, outlineStyle, width: parseFloat(outlineWidth) }
  })
  if (style && (style.outlineStyle === 'none' || style.width < 2)) throw new Error(`no focus is seen at ${style.id}`)
}

async function scrolls(page) {
  const top = () => page.evaluate(() => document.activeElement.scrollTop)
  const room = await page.evaluate(() => document.activeElement.scrollHeight - document.activeElement.clientHeight)
  if (room <= 0) return
  await page.keyboard.press('PageDown')
  await page.waitForFunction(() => document.activeElement.scrollTop > 0)
  assert.ok((await top()) > 0)
}
