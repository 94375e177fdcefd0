// What `grantor demo --json` says of itself, and the admin API that stands in it.
import { readFileSync } from 'node:fs'

export function readContract(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

export function apiOf(contract, environment, name) {
  return contract.apis.find((api) => api.environment === environment && api.name === name)
}

// The API's first app with this grant: people sign in to those with `authorization_code`.
export function appOf(contract, environment, name, grant = 'authorization_code') {
  const found = apiOf(contract, environment, name).clients.find((app) => app.grant_types.includes(grant))
  if (!found) throw new Error(`no app of ${name} in ${environment} has ${grant}`)
  return found
}

export function issuerOf(contract, environment) {
  return contract.environments.find((own) => own.name === environment).issuer
}

export function personOf(contract, role) {
  return contract.users.find((user) => user.role === role)
}

export async function admin(contract, method, path, body) {
  const answer = await fetch(contract.operator.api_url + path, {
    method,
    headers: { authorization: `Bearer ${contract.operator.api_token}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text ? JSON.parse(text) : undefined
}
