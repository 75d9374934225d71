/** Lines are read back: what `weir why --log` takes from a log of either form. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JsonLines } from '../../src/access-log/json.ts'
import { readLine } from '../../src/access-log/read-line.ts'
import { TextLines } from '../../src/access-log/text.ts'
import { Errno } from '../../src/kernel/errno.ts'
import { REASON_NAMES } from '../../src/stats/reasons.ts'
import { RecordKind } from '../../src/stats/records.ts'
import type { Fields } from '../support/records.ts'
import { generations, lineOf } from './lines-kit.ts'

test('a line is read back as what its record knows, whichever the reason and the form', () => {
  const peer = { peerFamily: 4, peer: 0x0a000005, peerPort: 4711 }
  for (const Writer of [JsonLines, TextLines]) {
    const writer = new Writer(generations())
    const read = (fields: Fields) => readLine(lineOf(writer, fields).trimEnd())
    const isJson = writer instanceof JsonLines
    const common = {
      acceptedAt: '2026-11-23T07:36:27.123Z',
      id: 1025,
      lastedMs: 12,
      listener: isJson ? 'default/test 127.0.0.1:9000' : null,
      asked: '127.0.0.2:2',
      serverName: '',
      identity: '',
      endpoint: '127.0.0.3:3',
      deniedBy: null,
      generation: 1,
      fromClientBytes: 9,
      toUpstreamBytes: 7,
      fromUpstreamBytes: 5,
      toClientBytes: 4,
      attempts: isJson ? 2 : null,
      connectMs: isJson ? 0.25 : null,
      firstByteMs: isJson ? 1.5 : null,
    }
    const fields = {
      acceptedWallMs: Date.parse(common.acceptedAt),
      acceptedMs: 1,
      endedMs: 13,
      id: 1025,
      fromClient: 9,
      toUpstream: 7,
      fromUpstream: 5,
      toClient: 4,
      attempts: 2,
      connectUs: 250,
      firstByteUs: 1500,
    }
    const routed = {
      rule: 'shop/orders tcp[0].match[1]',
      writtenAt: 'a.yaml:7',
      destination: { host: 'orders.example', port: 80, subset: 'v1' },
      client: '127.0.0.1:1',
      peer: '10.0.0.5:4711',
    }
    for (const [number, reason] of REASON_NAMES.entries()) {
      assert.deepEqual(read({ ...fields, reason: number, ...peer, errno: Errno.ECONNRESET }), {
        ...common,
        ...routed,
        reason,
        errno: 'ECONNRESET',
      })
      const nowhere = {
        reason: number,
        rule: -1,
        route: -1,
        cluster: -1,
        clientFamily: 0,
        endpointFamily: 0,
        errno: 0,
      }
      assert.deepEqual(read({ ...fields, ...nowhere }), {
        ...common,
        client: null,
        peer: null,
        endpoint: null,
        rule: null,
        writtenAt: null,
        destination: null,
        reason,
        errno: null,
      })
    }
    for (const kind of [RecordKind.connected, RecordKind.periodic]) {
      const open = { ...common, ...routed, reason: null, errno: null }
      assert.deepEqual(read({ ...fields, kind, reason: -1, ...peer, errno: 0 }), open)
    }
  }
  for (const line of ['', 'x', '{', '{}', '[]', 'null', '{"access_log_type":"TcpConnectionEnd"}'])
    assert.equal(readLine(line), 'unknown')
})
