/** Configurations as text for the lint, so that the lines are real, and what it finds in them. */

import { type LoadOptions, loadConfig } from '../../src/config/load.ts'

export const CHECK = { notes: true, openPortsFrom: 0 }

export const load = (text: string, lint: LoadOptions['lint'] = CHECK) =>
  loadConfig([{ file: 'a.yaml', bytes: new TextEncoder().encode(text) }], { names: new Map(), lint })
    .diagnostics

/** "CODE line: message" of every finding, by line. */
export const found = (text: string, lint?: LoadOptions['lint']): string[] =>
  load(text, lint)
    .toSorted((left, right) => left.line - right.line)
    .map(({ code, line, message }) => `${code} ${line}: ${message}`)

export const resource = (kind: string, name: string, spec: string, group = 'networking.istio.io') =>
  `apiVersion: ${group}/v1\nkind: ${kind}\nmetadata: {${name.includes(':') ? name : `name: ${name}`}}\nspec:\n${spec}\n---\n`

/** Two backends without a fault. */
export const BACKENDS = ['one', 'two']
  .map(name =>
    resource(
      'ServiceEntry',
      name,
      `  {hosts: [${name}.example], ports: [{number: 9000, name: tcp, protocol: TCP}], resolution: STATIC, endpoints: [{address: 10.9.9.9}]}`,
    ),
  )
  .join('')

export const route = (match: string, host = 'one') =>
  `    - {match: [${match}], route: [{destination: {host: ${host}.example}}]}`
