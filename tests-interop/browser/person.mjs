// A person in front of Chromium. Elements are found by their ids and by nothing else: the ids are the contract.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

export function openBrowser() {
  // Chromium's own sandbox does not work for root. Letters in shades of grey make smaller pictures than coloured ones.
  const args = ['--disable-lcd-text', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])]
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args })
}

let count = 0

export function newPerson(about) {
  count += 1
  return { name: 'Nora Newcomer', email: `nora.${about}${count}@people.example`, password: `orange harbour ${about} engine` }
}

export const id = (name) => `[id="${name}"]`

// Presses a button that leads to another page, and waits until that is there.
export async function press(page, name) {
  await Promise.all([page.waitForNavigation(), page.click(id(name))])
}

export async function signIn(page, { email, password }) {
  await page.fill(id('login-email'), email)
  await page.fill(id('login-password'), password)
  await press(page, 'login-submit')
}

export async function signUp(page, { name, email, password }) {
  await page.fill(id('signup-name'), name)
  await page.fill(id('signup-email'), email)
  await page.fill(id('signup-password'), password)
  await press(page, 'signup-submit')
}

export async function acceptDocuments(page) {
  for (const box of await page.locator('[id^="terms-accept-"]').all()) await box.check()
  await press(page, 'terms-submit')
}

export async function approve(page) {
  await press(page, 'consent-approve')
}

// From an authorization request to the app's page, by whatever is asked.
export async function agree(page, person) {
  for (let step = 0; step < 5; step += 1) {
    if (await page.locator(id('login-submit')).count()) await signIn(page, person)
    else if (await page.locator(id('terms-submit')).count()) await acceptDocuments(page)
    else if (await page.locator(id('consent-approve')).count()) await approve(page)
    else break
  }
  await atApp(page)
}

export async function atApp(page) {
  await page.locator(id('app')).waitFor({ timeout: 10_000 }).catch(async () => {
    throw new Error(`no way to the app from ${page.url()}: ${await page.locator('body').innerText()}`)
  })
}

// The link of the newest mail to somebody. The server sends from a queue: wait for it.
export async function linkInMail(folder, email) {
  for (let tries = 0; tries < 200; tries += 1) {
    const mails = readdirSync(folder).filter((file) => file.endsWith('.eml')).map((file) => readFileSync(join(folder, file), 'utf8'))
    const own = mails.filter((mail) => mail.includes(`To: ${email}`) || mail.includes(`To: <${email}>`)).map(linkOf).filter(Boolean)
    if (own.length > 1) throw new Error(`${own.length} mails to ${email}, not one`)
    if (own.length === 1) return own[0]
    await new Promise((later) => setTimeout(later, 100))
  }
  throw new Error(`no mail to ${email} in ${folder}`)
}

function linkOf(mail) {
  const [head, ...rest] = mail.split('\r\n\r\n')
  let text = rest.join('\r\n\r\n')
  if (/^content-transfer-encoding: quoted-printable/im.test(head)) {
    text = text.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
  }
  return text.match(/^https?:\/\/\S+$/m)?.[0]
}
