/** Which tests hold the rules of the conformance suite, and that each claimed feature has some. */

import { deepEqual, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { FEATURES } from '../../src/config/gateway-api/status/features.ts'
import { statuses } from '../config/gateway-api-kit.ts'
import { gateway, tcp } from '../support/gateway-api.ts'
import { APART, CONFORMANCE, FILES } from './conformance.ts'
import { holds, ROOT, tableOf } from './kit.ts'

const DOCUMENT = 'docs/gateway-api.md'

test('each feature that the status claims has a case, and none that is held by a case is missing', () => {
  const cased = new Set(CONFORMANCE.flatMap(each => each.features))
  deepEqual([...cased].sort(), [...FEATURES].sort())
  const status = statuses([gateway('edge', [tcp(9000)])])('GatewayClass', 'weir') as unknown
  const { supportedFeatures } = status as { supportedFeatures: { name: string }[] }
  deepEqual(
    supportedFeatures.map(each => each.name),
    [...cased].sort(),
    'in alphabetical order, as the API has it',
  )
})

test('each case is a test that there is', () => {
  const texts = new Map(Object.values(FILES).map(file => [file, readFileSync(ROOT + file, 'utf8')]))
  for (const { name, held } of CONFORMANCE) {
    ok(held.length > 0, name)
    for (const [file, title] of held)
      ok(texts.get(FILES[file])?.includes(`test('${title}'`), `${name}: ${title}`)
  }
  deepEqual(
    CONFORMANCE.map(each => each.name).filter(name => Object.hasOwn(APART, name)),
    [],
  )
})

test('docs/gateway-api.md says which rules are held, and by what', () => {
  const rows = CONFORMANCE.map(({ name, held }) => [
    name,
    [...new Set(held.map(([file]) => FILES[file]))]
      .map(file => `[${file.split('/').at(-1)?.replace('.test.ts', '')}](../${file})`)
      .join(', '),
  ])
  const apart = Object.entries(APART)
  holds(DOCUMENT, 'conformance', tableOf(['test of the suite', 'held by'], rows))
  holds(DOCUMENT, 'apart', tableOf(['test of the suite', 'why not'], apart))
})
