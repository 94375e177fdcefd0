// A new version of the terms, published on the running demo with `grantor apply`, as its operator would.
import { spawnSync } from 'node:child_process'
import { admin } from './contract.mjs'

// Publishes the next version; gives its number. `grace` is how long refresh goes on without it.
export async function publishTerms(contract, grantor, { grace, changes }) {
  const { items } = await admin(contract, 'GET', '/documents')
  const terms = items.find((document) => document.kind === 'terms' && document.tenant === null)
  const number = terms.versions.at(-1).number + 1
  const manifest = `
[[document]]
kind = "terms"

[[document.versions]]
number = ${number}
grace = "${grace}"

[document.versions.texts.en]
title = "Terms of use"
changes = ${JSON.stringify(changes)}
body = """
These terms apply between you and API Provider when you use an app that works with its APIs.

## What you pay

- An account costs nothing.
- A transfer costs what the app shows before you confirm it.

This is version ${number} of a demonstration: nothing here is a contract.
"""
`
  const done = spawnSync(grantor, ['apply', '-f', '-'], {
    input: manifest,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, GRANTOR_URL: contract.operator.api_url, GRANTOR_TOKEN: contract.operator.api_token },
  })
  if (done.status !== 0) throw new Error(`grantor apply: ${done.status} ${done.stderr}`)
  return number
}
