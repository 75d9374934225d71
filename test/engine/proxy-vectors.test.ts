/**
 * Goal: the 27 vectors of the PROXY protocol, through the front door, and every way in which a
 * sender can stop in the middle. Method: weir reads a header and sends one, so the upstream gets
 * the client as weir sees it, and every byte that weir passed on.
 */

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { parseCidr } from '../../src/address/address.ts'
import { createRandom, nextU32 } from '../../src/base/random.ts'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import type { ReasonName } from '../../src/stats/reasons.ts'
import { clusterOf, ENGINES, listenerOn, planOf, TestEngine } from '../support/engine.ts'
import { sized } from '../support/full.ts'
import { begin, ending, freePort, listen, open, readAll, readBytes } from '../support/sockets.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
/** 192.0.2.7:56324 to 203.0.113.5:443. */
const IPV4 = 'c0000207cb007105dc0401bb'
const IPV6 = '20010db800000000000000000000000720010db8000000000000000000000005dc0401bb'

const hex = (...parts: readonly string[]): Buffer => Buffer.from(parts.join(''), 'hex')
/** Version 2 from its 13th byte on. */
const binary = (rest: string): Buffer => hex(SIGNATURE, rest)
const text = (line: string): Buffer => Buffer.from(line, 'latin1')

const ONE = binary(`2111000c${IPV4}`)
const LINE = 'PROXY TCP4 192.0.2.7 203.0.113.5 56324 443\r\n'
const LINE6 = 'PROXY TCP6 2001:db8::7 2001:db8::5 56324 443\r\n'

/** What the upstream gets from a client in a header, or from the sender itself. */
const NAMED = LINE
const ITSELF = /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n$/

/** Headers that are taken, by their number among the vectors, and what upstreams get for them. */
const TAKEN: readonly (readonly [vector: string, header: Buffer, told: string | RegExp])[] = [
  ['1 version 2, IPv4', ONE, NAMED],
  ['2 version 2, IPv6', binary(`21210024${IPV6}`), LINE6],
  [
    '3 version 2, IPv4-mapped',
    binary('2121002400000000000000000000ffffc000020700000000000000000000ffffcb007105dc0401bb'),
    NAMED,
  ],
  ['4 version 2, LOCAL', binary('20000000'), ITSELF],
  ['5 version 2, LOCAL with addresses', binary(`2011000c${IPV4}`), ITSELF],
  ['6 version 2, no family', binary('21000000'), ITSELF],
  ['7 version 2, AUTHORITY', binary(`21110018${IPV4}020009612e6578616d706c65`), NAMED],
  ['8 version 2, CRC32C', binary(`21110013${IPV4}030004a5ae4457`), NAMED],
  ['16 version 1, IPv4', text(LINE), NAMED],
  ['17 version 1, IPv6', text(LINE6), LINE6],
  ['18 version 1, UNKNOWN', text('PROXY UNKNOWN\r\n'), ITSELF],
  ['19 version 1, UNKNOWN in 107 bytes', text(`PROXY UNKNOWN ${'x'.repeat(91)}\r\n`), ITSELF],
  [
    'version 1, of two families: version 1 has no line for them',
    text('PROXY TCP6 ::ffff:192.0.2.7 2001:db8::5 56324 443\r\n'),
    'PROXY UNKNOWN\r\n',
  ],
  ['LOCAL with TLVs, as AWS checks health', binary('20000006ea0003013132'), ITSELF],
  ['the largest TLV that is read', binary(`21110ff0${IPV4}ea0fe1${'00'.repeat(0xfe1)}`), NAMED],
]

const REFUSED: readonly (readonly [vector: string, header: Buffer])[] = [
  ['8 a flipped bit', binary(`21110013${IPV4}030004a5ae4456`)],
  ['9 version 1 in binary', binary(`1111000c${IPV4}`)],
  ['10 command 2', binary(`2211000c${IPV4}`)],
  ['11 family 4', binary(`2141000c${IPV4}`)],
  ['12 IPv4 in 11 bytes', binary(`2111000b${IPV4.slice(2)}`)],
  ['13 65535 bytes', binary(`2111ffff${IPV4}`)],
  ['14 a TLV past the end', binary(`21110014${IPV4}02000a6162636465`)],
  ['15 two bytes of a TLV', binary(`2111000e${IPV4}0200`)],
  ['19 UNKNOWN in 108 bytes', text(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`)],
  ['20 two spaces', text(LINE.replace(' ', '  '))],
  ['20 a leading zero', text(LINE.replace('192.', '0192.'))],
  ['20 port 65536', text(LINE.replace('56324', '65536'))],
  ['20 port 080', text(LINE.replace('443', '080'))],
  ['20 TCP4 with IPv6', text(LINE6.replace('TCP6', 'TCP4'))],
  ['20 LF only', text(LINE.replace('\r', ''))],
  ['20 lower case', text(LINE.toLowerCase())],
  ['20 a space before the end', text(LINE.replace('\r', ' \r'))],
  ['a TLV beyond the limit', binary(`21110ff1${IPV4}ea0fe2${'00'.repeat(0xfe2)}`)],
]

type Scene = {
  readonly plane: TestEngine
  readonly port: number
  /** What upstreams got, by connection, once each has ended. */
  readonly got: string[]
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** A listener that reads headers, before a cluster that gets version 1 and answers "bye". */
async function sceneOf(engine: EngineKind, timeoutMs = 60_000, from = '127.0.0.0/8'): Promise<Scene> {
  const got: string[] = []
  const upstream = await listen((socket: Socket) => {
    let seen = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      seen += chunk
    })
    socket.on('end', () => {
      got.push(seen)
      socket.end('bye')
    })
  })
  const plane = new TestEngine(engine)
  const port = await freePort()
  const range = parseCidr(from) ?? assert.fail(from)
  const proxyProtocol = { from: [range], require: false, versions: [1, 2] as const, timeoutMs }
  const clusters = [clusterOf([upstream], { proxyVersion: 1 })]
  await plane.adopt(planOf([listenerOn(port, 0, { proxyProtocol })], clusters))
  const dispose = async (): Promise<void> => {
    await plane[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  }
  return { plane, port, got, [Symbol.asyncDispose]: dispose }
}

/** Sends the pieces, each by itself, and the end; resolves with what the upstream got. */
async function sent({ port, got }: Scene, pieces: readonly Uint8Array[]): Promise<string> {
  const client = begin(port)
  for (const piece of pieces) await new Promise<void>(resolve => client.write(piece, () => resolve()))
  client.end()
  assert.equal(await readAll(client), 'bye')
  return got.splice(0).join(' and ')
}

function assertTold(found: string, told: string | RegExp, payload: string, vector: string): void {
  assert.ok(found.endsWith(payload), `${vector}: ${found}`)
  const header = found.slice(0, found.length - payload.length)
  if (typeof told === 'string') assert.equal(header, told, vector)
  else assert.match(header, told, vector)
}

const bytewise = (bytes: Uint8Array): Uint8Array[] => [...bytes].map(byte => Uint8Array.of(byte))

for (const { engine, test } of ENGINES) {
  test(`${engine}: headers that are taken, alone, with payload in the segment, and byte by byte`, async () => {
    await using scene = await sceneOf(engine)
    for (const [vector, header, told] of TAKEN) {
      assertTold(await sent(scene, [header]), told, '', vector)
      assertTold(await sent(scene, [Buffer.concat([header, text('GET')])]), told, 'GET', vector)
      if (header.length < 200)
        assertTold(await sent(scene, [...bytewise(header), text('GET')]), told, 'GET', vector)
      const twice = header.toString('latin1')
      assertTold(await sent(scene, [header, header]), told, twice, `25 twice: ${vector}`)
    }
    await scene.plane.settled()
    assert.equal(scene.plane.counts.closed['client-closed'], scene.plane.counts.accepted)
  })

  test(`${engine}: headers that are refused, whole and byte by byte, and no upstream hears of them`, async () => {
    await using scene = await sceneOf(engine)
    const { plane, port } = scene
    for (const [vector, header] of REFUSED)
      for (const pieces of [[header], bytewise(header.subarray(0, 120))]) {
        const client = begin(port)
        const ended = ending(client)
        for (const piece of pieces) client.write(piece)
        if (header.length > 120) client.write(header.subarray(120))
        assert.match(await ended, /^(ECONNRESET|EPIPE)$/, vector)
      }
    await plane.settled()
    assert.deepEqual([plane.counts.closed['proxy-invalid'], plane.counts.dials], [2 * REFUSED.length, 0])
  })

  test(`${engine}: 23 and 24, a beginning and then silence, or the end`, async () => {
    await using scene = await sceneOf(engine, 300)
    const { plane, port } = scene
    const beginnings = [text(LINE.slice(0, 5)), ONE.subarray(0, 5), binary('2111'), binary('21110ff0')]
    const silent = beginnings.map(bytes => {
      const client = begin(port)
      client.write(bytes)
      return ending(client)
    })
    assert.deepEqual(new Set(await Promise.all(silent)), new Set(['ECONNRESET']))
    await plane.settled()
    assert.deepEqual([plane.counts.closed['proxy-timeout'], plane.counts.dials], [4, 0])
    await using patient = await sceneOf(engine)
    const ends = [text('PROX'), text(LINE.slice(0, -1)), ONE.subarray(0, -1), Buffer.alloc(0)]
    for (const bytes of ends) {
      const client = begin(patient.port)
      client.end(bytes)
      assert.equal(await ending(client), 'ECONNRESET')
    }
    await patient.plane.settled()
    assert.deepEqual([patient.plane.counts.closed['proxy-invalid'], patient.plane.counts.dials], [4, 0])
  })

  test(`${engine}: 26, what looks like a header of somebody else goes on byte for byte`, async () => {
    await using scene = await sceneOf(engine, 60_000, '192.0.2.0/24')
    for (const [vector, header] of [...TAKEN, ...REFUSED])
      assertTold(await sent(scene, [header]), ITSELF, header.toString('latin1'), vector)
    await scene.plane.settled()
  })

  test(`${engine}: an end or a reset after any byte is counted by its reason, and nothing is left over`, async () => {
    await using scene = await sceneOf(engine)
    const { plane, port, got } = scene
    const before = (reason: ReasonName): number => plane.counts.closed[reason]
    for (const header of [ONE, text(LINE)]) {
      const bytes = Buffer.concat([header, text('GET')])
      const step = sized(5, 1)
      for (let cut = 0; cut <= bytes.length; cut += step) {
        const isWhole = cut >= header.length
        const [invalid, reset] = [before('proxy-invalid'), before('client-reset')]
        const ended = begin(port)
        ended.end(bytes.subarray(0, cut))
        if (isWhole) {
          assert.equal(await readAll(ended), 'bye')
          assertTold(got.splice(0).join(), NAMED, 'GET'.slice(0, cut - header.length), `cut at ${cut}`)
        } else assert.equal(await ending(ended), 'ECONNRESET')
        await plane.settled()
        assert.equal(before('proxy-invalid') - invalid, isWhole ? 0 : 1, `an end at ${cut}`)
        const resets = await open(port)
        resets.write(bytes.subarray(0, cut), () => resets.resetAndDestroy())
        await plane.closed('client-reset', reset + 1)
        await plane.settled()
      }
    }
    assert.equal(await sent(scene, [text(`${LINE}still here`)]), `${LINE}still here`)
    await plane.settled()
    assert.equal(plane.observer.live.count(), 0)
  })

  test(`${engine}: random cuts, stalls, ends and resets of many senders at once`, async () => {
    await using scene = await sceneOf(engine)
    const { plane, port } = scene
    const random = createRandom(1, 2, 3)
    const dice = (sides: number): number => nextU32(random) % sides
    const tally = { taken: 0, refused: 0, reset: 0 }
    const one = async (): Promise<void> => {
      const [, header] = TAKEN[dice(TAKEN.length - 1)]
      const payload = Buffer.alloc(dice(3) === 0 ? 5_000 : 5, 'x')
      const bytes = Buffer.concat([header, payload])
      const cut = dice(3) === 0 ? dice(bytes.length + 1) : bytes.length
      const client = await open(port)
      for (let at = 0; at < cut; ) {
        const to = Math.min(cut, at + 1 + dice(40))
        await new Promise<void>(resolve => client.write(bytes.subarray(at, to), () => resolve()))
        if (dice(2) === 0) await new Promise(resolve => setImmediate(resolve))
        at = to
      }
      if (dice(4) === 0) {
        client.resetAndDestroy()
        tally.reset++
      } else {
        client.end()
        const isTaken = cut >= header.length
        tally[isTaken ? 'taken' : 'refused']++
        assert.equal(await readBytes(client, 3).catch(() => ''), isTaken ? 'bye' : '')
      }
    }
    const count = sized(150, 3_000)
    for (let done = 0; done < count; done += 50) await Promise.all(Array.from({ length: 50 }, one))
    await plane.settled()
    const { closed, accepted } = plane.counts
    assert.deepEqual([closed['client-closed'], closed['proxy-invalid']], [tally.taken, tally.refused])
    assert.equal(closed['client-reset'], tally.reset)
    assert.equal(accepted, count)
  })
}
