/** docs/admin.md lists every endpoint, metric and command that there is; UPDATE_DOCS=1 writes the first two. */

import { deepEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { scene } from '../admin/scene.ts'
import { weir } from '../cli/kit.ts'
import { holds, read, tableOf } from './kit.ts'

const DOCUMENT = 'docs/admin.md'

type Operation = {
  readonly summary: string
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
}

test('docs/admin.md lists every endpoint, with what its query may say', async t => {
  const { get } = await scene(t)
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

test('docs/admin.md lists every metric of weir', async t => {
  const { get } = await scene(t)
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
