import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from '../../src/control/observe/log.ts'
import { Troubles } from '../../src/control/observe/troubles.ts'
import { Reason } from '../../src/stats/reasons.ts'
import { closedAt, createStats, openStats } from '../../src/stats/stats.ts'

test('connections that were not served are told once, over all workers, with their reasons', () => {
  const stats = openStats(createStats(2))
  const lines: string[] = []
  const troubles = new Troubles(
    stats,
    createLog(line => lines.push(line), { format: 'text', colours: false }),
  )
  stats.counters[0][closedAt(Reason['no-route'])] += 2
  stats.counters[1][closedAt(Reason['no-route'])] += 1
  stats.counters[1][closedAt(Reason['connect-refused'])] += 4
  stats.counters[1][closedAt(Reason['client-closed'])] += 9
  troubles.look()
  troubles.close()
  assert.equal(lines.length, 1)
  assert.match(lines[0], /connections not served: connect-refused 4, no-route 3\n$/)
})
