/** A record's line in each form, by a table of two rules. */

import assert from 'node:assert/strict'
import { Bytes } from '../../src/access-log/bytes.ts'
import { JsonLines } from '../../src/access-log/json.ts'
import { LINE_BYTES_MAX, type LineWriter } from '../../src/access-log/lines.ts'
import { Generations } from '../../src/stats/generations.ts'
import { LiveConnections } from '../../src/stats/live-connections.ts'
import type { Plan, RuleOrigin } from '../../src/table/plan/plan.ts'
import { clusterOf, listenerOn, planOf } from '../support/engine.ts'
import { type Fields, recordOf } from '../support/records.ts'
import { tableOf } from '../support/tables.ts'

export const HOSTILE = 'q"u\\o\nte\u2028\u0001ü.yaml'

/** Two rules; the second one's names are as bad as they may be. */
export function plan(labels: Readonly<Record<string, string>> = { app: 'web' }): Plan {
  const rule = (virtualService: string, file: string, match: number | null, route: number) => ({
    origin: { virtualService, block: 'tcp', route, match, file, line: 7 } satisfies RuleOrigin,
    destinations: [],
    port: 0,
    clients: [],
    route,
    never: null,
    source: { namespace: null, labels: {}, visibleTo: null },
  })
  const rules = [rule('shop/orders', 'a.yaml', 1, 0), rule('shop/"odd"', HOSTILE, null, 1)]
  const clusters = [
    { ...clusterOf([], {}, 'orders.example'), subset: 'v1' },
    clusterOf([], {}, 'odd.example'),
  ]
  const words = Uint32Array.of(0x7f000001, 0, 0, 0)
  return {
    ...planOf(
      [listenerOn(9000, 0, { scopes: [{ host: '', port: 0, addresses: [], rules, defaultRoute: 0 }] })],
      clusters,
    ),
    sources: [{ cidr: { family: 4, words, bits: 32 }, namespace: 'shop', labels }],
  }
}

export function generations(of = plan()): Generations {
  const known = new Generations(new LiveConnections([]))
  known.add(tableOf(of).buffers)
  return known
}

export function lineOf(writer: LineWriter, fields: Fields): string {
  const out = new Bytes(LINE_BYTES_MAX)
  const { words, numbers } = recordOf(fields)
  writer.put(out, words, numbers, 0)
  return Buffer.from(out.buffer.subarray(0, out.length)).toString()
}

/** The line, which is one and ends with a newline, as an object. */
export function jsonOf(fields: Fields, writer: LineWriter = new JsonLines(generations())) {
  const line = lineOf(writer, fields)
  assert.match(line, /^[^\n]+\n$/)
  return JSON.parse(line)
}
