import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createSlots, NO_COUNTS, Slots } from '../../src/stats/counter-slots.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { Root } from '../../src/table/format/endpoints-layout.ts'
import { Header, type PartName, SECTIONS } from '../../src/table/format/layout.ts'
import { refusal, Sections } from '../../src/table/format/sections.ts'
import { openTable, readCold } from '../../src/table/format/table.ts'
import { runs } from '../support/full.ts'
import * as arbitrary from '../support/plans.ts'

const PARTS = Object.keys(SECTIONS) as (keyof typeof SECTIONS)[]

const build = (plan: Parameters<typeof buildTable>[0]) =>
  buildTable(plan, 7, new Slots(createSlots(), 7, NO_COUNTS).slotOf)

test('a table that was built can be opened, and holds the plan’s names', () => {
  fc.assert(
    fc.property(arbitrary.plan, plan => {
      const buffers = build(plan)
      for (const part of PARTS) assert.equal(refusal(buffers[part], part), null)
      const table = openTable(buffers)
      assert.equal(table.generation, 7)
      assert.deepEqual(
        table.sockets.map(({ gateway, bind, port }) => ({ gateway, bind, port })),
        plan.listeners.map(({ gateway, bind, port }) => ({ gateway, bind, port })),
      )
      const scopes = plan.listeners.flatMap(listener => listener.scopes)
      assert.deepEqual(
        readCold(table).scopes.map(scope => [scope.host, scope.rules.map(rule => rule.origin)]),
        scopes.map(scope => [scope.host, scope.rules.map(rule => rule.origin)]),
      )
    }),
    { numRuns: runs(200) },
  )
})

/** Without what an endpoints part keeps free, and the word behind a checksum. */
function usedBytes(buffer: SharedArrayBuffer, part: PartName): number {
  if (part !== 'endpoints') return buffer.byteLength
  const { header } = new Sections(buffer, part)
  const [arena] = header.subarray(Header.WORDS)
  return arena + (header[Header.newest] + Root.WORDS) * 4
}

test('a damaged, truncated or foreign buffer is refused with a reason', () => {
  fc.assert(
    fc.property(
      arbitrary.plan,
      fc.constantFrom(...PARTS),
      fc.nat(),
      fc.nat(7),
      (plan, part, position, bit) => {
        const buffer = build(plan)[part]
        const bytes = new Uint8Array(buffer)
        const at = position % usedBytes(buffer, part)
        bytes[at] ^= 1 << bit
        assert.notEqual(refusal(buffer, part), null)
        bytes[at] ^= 1 << bit
        const shorter = new SharedArrayBuffer(position % bytes.length)
        new Uint8Array(shorter).set(bytes.subarray(0, shorter.byteLength))
        assert.notEqual(refusal(shorter, part), null)
      },
    ),
    { numRuns: runs(300) },
  )
  for (const part of PARTS) assert.notEqual(refusal(new SharedArrayBuffer(4096), part), null)
})
