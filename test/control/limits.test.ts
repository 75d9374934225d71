import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { DEFAULT_SETTINGS } from '../../src/config/settings/settings.ts'
import {
  connectionsFor,
  filesFlaw,
  openPortsFrom,
  workersFor,
} from '../../src/control/workers/machine-limits.ts'

test('no number of workers means one for each CPU', () => {
  assert.equal(workersFor(DEFAULT_SETTINGS), availableParallelism())
  assert.equal(workersFor({ ...DEFAULT_SETTINGS, workers: 3 }), 3)
})

test('no limit of connections means two descriptors for each, and some for the rest', () => {
  assert.equal(connectionsFor(DEFAULT_SETTINGS, 10_256), 5_000)
  assert.equal(connectionsFor(DEFAULT_SETTINGS, 64), 1)
  assert.equal(connectionsFor({ ...DEFAULT_SETTINGS, maxConnections: 9 }, 10_256), 9)
})

test('a limit of open files that starts no worker is refused, and one that leaves few connections told', () => {
  const two = { ...DEFAULT_SETTINGS, workers: 2 }
  assert.match(filesFlaw(two, 95)?.message ?? '', /open files is 95; weir needs at least 96 with 2 workers/)
  assert.deepEqual(
    [95, 96, 1_023, 1_024].map(files => filesFlaw(two, files)?.isFatal),
    [true, false, false, undefined],
  )
  assert.match(
    filesFlaw(two, 512)?.message ?? '',
    /leaves room for 128 connections: raise it with ulimit -n N/,
  )
  assert.equal(filesFlaw({ ...two, maxConnections: 9 }, 96), null)
})

test('ports below the sysctl need the capability; without /proc all are taken to be open', () => {
  const status = (capabilities: string) =>
    `Name:\tnode\nCapEff:\t${capabilities}\nCapBnd:\t000001ffffffffff\n`
  assert.equal(openPortsFrom(status('0000000000000000'), '1024\n'), 1024)
  assert.equal(openPortsFrom(status('0000000000000400'), '1024\n'), 0) // bit 10, CAP_NET_BIND_SERVICE
  assert.equal(openPortsFrom(status('000001fffffffbff'), '80\n'), 80) // every other bit
  assert.equal(openPortsFrom('', ''), 0)
})
