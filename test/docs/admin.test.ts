/**
 * docs/admin.md lists every endpoint, metric and command that there is; UPDATE_DOCS=1 writes the
 * first two.
 */

import { deepEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { reading } from '../admin/scene.ts'
import { weir } from '../cli/kit.ts'
import { blocksOf, holds, read, tableOf } from './kit.ts'

const DOCUMENT = 'docs/admin.md'

type Operation = {
  readonly summary: string
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
}

test('docs/admin.md lists every endpoint, with what its query may say', async () => {
  const { get } = await reading()
  const { paths } = (await get('/openapi.json')).body as { paths: Record<string, Record<string, Operation>> }
  const rows = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary, parameters = [] }]) => [
      `\`${method.toUpperCase()} ${path}\``,
      summary.replace(/\.$/, ''),
      parameters.map(each => `\`${each.name}\``).join(', '),
    ]),
  )
  ok(rows.length >= 12)
  holds(DOCUMENT, 'endpoints', tableOf(['endpoint', 'says or does', 'query'], rows))
})

type Schema = {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

/** Checks that `value` has exactly the fields of its schema. */
function fits(
  value: unknown,
  { properties, required = [], items, anyOf, additionalProperties }: Schema,
  at: string,
): void {
  if (anyOf) {
    if (value !== null) fits(value, anyOf[0], at)
  } else if (items) {
    for (const [index, each] of (value as unknown[]).entries()) fits(each, items, `${at}[${index}]`)
  } else if (properties) {
    const written = Object.entries(value as object)
    const names = new Set(written.map(([name]) => name))
    for (const name of required) ok(names.has(name), `${at} has no ${name}`)
    for (const [name, each] of written) {
      ok(properties[name], `${at} has ${name}`)
      fits(each, properties[name], `${at}.${name}`)
    }
  } else if (typeof additionalProperties === 'object')
    for (const [name, each] of Object.entries(value as object))
      fits(each, additionalProperties, `${at}.${name}`)
}

test('the answers that docs/admin.md shows have the fields that are served', async () => {
  const { get } = await reading()
  const { paths } = (await get('/openapi.json')).body
  const shown = blocksOf(DOCUMENT).flatMap(({ note, text }) => {
    const [, method, path] = /^answer: (\w+) (\S+)$/.exec(note) ?? []
    if (path === undefined) return []
    const { schema } = paths[path][method.toLowerCase()].responses['200'].content['application/json']
    fits(JSON.parse(text), schema, `${method} ${path}`)
    return `${method} ${path}`
  })
  const served = Object.entries<object>(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
  )
  const without = ['GET /metrics', 'GET /openapi.json', 'PUT /log-level']
  deepEqual(shown.toSorted(), served.filter(each => !without.includes(each)).sort())
})

test('docs/admin.md lists every metric of weir', async () => {
  const { get } = await reading()
  const text = (await get('/metrics')).body as string
  const helps = new Map([...text.matchAll(/^# HELP (\S+) (.*)\.$/gm)].map(([, name, help]) => [name, help]))
  const rows = [...text.matchAll(/^# TYPE ((?:weir|istio)_\S+) (\S+)$/gm)].map(([, name, type]) => [
    `\`${name}\``,
    type,
    helps.get(name) ?? '',
  ])
  holds(DOCUMENT, 'metrics', tableOf(['metric', 'type', 'meaning'], rows.toSorted()))
})

test('docs/admin.md names every command that asks a gateway', async () => {
  const { out } = await weir(['--help'])
  const commands = [...out.matchAll(/^ {2}([a-z][\w-]*) /gm)].map(each => each[1])
  const asking: string[] = []
  for (const command of commands) {
    const { out: help } = await weir([command, '--help'])
    if (help.includes('WEIR_ADMIN')) asking.push(command)
  }
  const named = [...read(DOCUMENT).matchAll(/^\| `weir ([\w-]+)/gm)].map(each => each[1])
  deepEqual(named.toSorted(), asking.toSorted())
})
