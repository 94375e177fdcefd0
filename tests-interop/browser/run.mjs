// The pages as people meet them, in Chromium against a running demo.
//
//   node run.mjs CONTRACT GRANTOR [FOLDER]    with a folder, a picture of every page is put there
import { readContract } from './contract.mjs'
import { byKeyboard } from './keyboard.mjs'
import { Looker } from './look.mjs'
import { chooseTenant, otherPages } from './pages.mjs'
import { openBrowser } from './person.mjs'
import { walk } from './walk.mjs'

const PHONE = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }
const PAGES = 21

const [contractPath, grantor, folder] = process.argv.slice(2)
const contract = readContract(contractPath)
const browser = await openBrowser()
const looker = new Looker(folder)
const stage = { contract, grantor, browser }
try {
  await byKeyboard(stage)
  console.log('sign-up, terms and consent by keyboard only')
  await chooseTenant(stage, looker)
  await otherPages(stage, looker)
  // From here on the terms change: whatever needs the first version stands above.
  await walk(stage, { about: 'desktop', options: {}, looker })
  await walk(stage, { about: 'phone', options: PHONE })
  await walk(stage, { about: 'no-script', options: { javaScriptEnabled: false } })
  console.log('the whole story: on a desktop, on a phone of 360 px, without JavaScript')
  if (looker.seen.size !== PAGES) throw new Error(`looked at ${looker.seen.size} pages, not ${PAGES}: ${[...looker.seen].join(', ')}`)
  console.log(`${looker.seen.size} pages, ${looker.checks} looks: nothing serious for axe-core, nothing too wide`)
} finally {
  await browser.close()
}
