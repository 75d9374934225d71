/**
 * docs/errors.md shows every code with a message that it really gives, and every reason of a
 * connection's end.
 */

import { ok } from 'node:assert/strict'
import { test } from 'node:test'
import { CODES, type Code } from '../../src/config/findings/codes.ts'
import type { Diagnostic } from '../../src/config/findings/diagnostic.ts'
import type { Inspect } from '../../src/config/inspect.ts'
import { loadConfig, type SourceFile } from '../../src/config/load.ts'
import { objectKey } from '../../src/config/text/read-objects.ts'
import { findLosses } from '../../src/control/guard/losses.ts'
import { judge } from '../../src/control/guard/reload-guard.ts'
import { snapshotOf } from '../../src/control/guard/snapshot.ts'
import { readCredential } from '../../src/source/credentials/credentials.ts'
import { REASONS } from '../../src/stats/reasons.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { openTable } from '../../src/table/format/table.ts'
import { EXAMPLES, type Example } from './error-examples.ts'
import { holds, tableOf } from './kit.ts'

const DOCUMENT = 'docs/errors.md'
/** Characters of a message that the table shows. */
const SHOWN_MAX = 160

/** The stages of the configuration; a code belongs to the first whose pattern fits. */
const STAGES: Readonly<Record<string, RegExp>> = {
  'codes of files and text': /^CFG0/,
  'codes of structure': /^CFG1/,
  'codes of meaning': /^CFG2[0-4]/,
  'codes of Istio’s warnings': /^(CFG25|IST013[01])/,
  'codes of what weir does not do': /^CFG3/,
  'codes of TLS': /^CFG5[01]/,
  'codes of Gateway API': /^CFG52/,
  'codes of what is probably not meant': /^(CFG4[56]|IST0127)/,
  'codes of what a reload would take': /^CFG47/,
  'codes of what the machine does not allow': /^CFG48/,
  'codes of route tests': /^CFG49/,
  'codes across resources': /^(CFG4|IST)/,
}

/** What control/ adds to each example. */
const UNREAD = [{ folder: 'manifests', files: ['manifests/shop/gateway.yaml'], isAll: true }]

/** When the certificates of the examples are looked at. */
const NOW = Date.parse('2026-12-15T00:00:00Z')
const TLS = {
  served: { servers: true, upstreams: true },
  inspect: (...asked: Parameters<Inspect>) => readCredential(...asked, NOW).flaws,
}

/** What a cluster has beside the file. */
const IN_CLUSTER = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', namespace: 'default' } }
const CLUSTER = [{ key: objectKey(IN_CLUSTER), object: IN_CLUSTER, lastGood: null }]

const codes = Object.keys(CODES) as Code[]
const stageOf = (code: Code): string | undefined =>
  Object.keys(STAGES).find(stage => STAGES[stage].test(code))

const isText = (example: Example): example is string | Uint8Array =>
  typeof example === 'string' || example instanceof Uint8Array

function filesOf(example: Example): SourceFile[] {
  const texts = isText(example) ? { 'config.yaml': example } : example
  return Object.entries(texts).map(([file, text]) => ({
    file,
    bytes: typeof text === 'string' ? new TextEncoder().encode(text) : text,
  }))
}

/** The guard's findings if the file `after` replaces `before`. */
function guarded(code: Code): readonly Diagnostic[] {
  const [before, after] = filesOf(EXAMPLES[code]).map(file => {
    const { plan, resources, defines } = loadConfig([file], { names: new Map() })
    ok(plan)
    const table = openTable(buildTable(plan, 1, () => 0))
    return { table, resources, defines, snapshot: snapshotOf(plan, table, resources) }
  })
  const losses = findLosses(before, after, after.defines)
  ok(losses)
  return judge('refuse', losses, { totals: [], lastMinute: () => 0 }).findings
}

/** weir's message for the example of `code`, on one line of a table. */
function messageOf(code: Code): string {
  const lint = { notes: true, openPortsFrom: 1024 }
  const diagnostics =
    code === 'CFG470'
      ? guarded(code)
      : loadConfig(filesOf(EXAMPLES[code]), {
          names: new Map(),
          lint,
          unread: UNREAD,
          routeTests: true,
          ...(/^CFG5[01]/.test(code) && TLS),
          ...(code === 'CFG018' && { objects: CLUSTER }),
        }).diagnostics
  const found = diagnostics.find(each => each.code === code)
  ok(
    found,
    `the example of ${code} finds ${diagnostics.map(each => `${each.code} ${each.message}`).join('; ')}`,
  )
  const message = found.message.replaceAll(/\s+/g, ' ')
  return message.length > SHOWN_MAX ? `${message.slice(0, SHOWN_MAX)}…` : message
}

for (const stage of Object.keys(STAGES)) {
  test(`docs/errors.md shows the ${stage}`, () => {
    const rows = codes
      .filter(code => stageOf(code) === stage)
      .map(code => {
        const { severity, title, cure } = CODES[code]
        return [code, severity, title, cure, messageOf(code)]
      })
    holds(DOCUMENT, stage, tableOf(['code', 'severity', 'meaning', 'cure', 'for example'], rows))
  })
}

test('docs/errors.md shows every reason for which a connection ends', () => {
  const rows = Object.entries(REASONS).map(([name, sentence]) => [`\`${name}\``, sentence])
  holds(DOCUMENT, 'reasons', tableOf(['reason', 'meaning'], rows))
})
