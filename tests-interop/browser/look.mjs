// A look at a page as it stands: in light, in dark and on a phone. axe-core must find nothing serious, nothing may stick out of
// a screen of 360 px, and a picture is taken if there is a folder for it.
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

// What a picture shows of a page that is taller than the tallest of its dress, in pixels.
const BEGINNING = 900

const DRESSES = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1200, height: 760 }, tallest: 1400 },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1200, height: 760 }, tallest: 1400 },
  { name: 'phone', colorScheme: 'light', viewport: { width: 360, height: 640 }, tallest: 2000 },
]

export class Looker {
  constructor(folder) {
    this.folder = folder
    this.seen = new Set()
    this.checks = 0
    if (folder) mkdirSync(folder, { recursive: true })
  }

  // Looks once at each name, and leaves the page as it was.
  async look(page, name) {
    if (this.seen.has(name)) return
    this.seen.add(name)
    const before = page.viewportSize()
    for (const dress of DRESSES) {
      await page.setViewportSize(dress.viewport)
      await page.emulateMedia({ colorScheme: dress.colorScheme, reducedMotion: 'reduce' })
      const place = `${name}, ${dress.name}`
      await fits(page, place)
      await this.axe(page, place)
      if (this.folder) {
        await picture(page, dress, join(this.folder, `${name}-${dress.name}.png`))
      }
    }
    await page.emulateMedia({ colorScheme: null, reducedMotion: null })
    await page.setViewportSize(before)
  }

  async axe(page, place) {
    await page.evaluate(AXE)
    const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations', 'passes'] }))
    // A run that checked nothing proves nothing.
    if (passes.length < 10) throw new Error(`${place}: axe-core checked only ${passes.length} rules`)
    const bad = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    if (bad.length) {
      const told = bad.map((rule) => `${rule.impact} ${rule.id}: ${rule.nodes.map((node) => node.html).join(' | ')}`)
      throw new Error(`${place}: axe-core found\n  ${told.join('\n  ')}`)
    }
    this.checks += 1
  }
}

// Of a long page its beginning: pictures of all of it would be too large for the repository.
async function picture(page, dress, path) {
  const whole = await page.evaluate(() => document.documentElement.scrollHeight)
  if (whole > dress.tallest) await page.setViewportSize({ ...dress.viewport, height: BEGINNING })
  await page.screenshot({ path, fullPage: whole <= dress.tallest })
}

// Nothing sticks out to the side.
export async function fits(page, place) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
  if (wide > room) throw new Error(`${place}: ${wide} px wide on a screen of ${room} px`)
}
