/**
 * Goal: the simulated kernel is like the real ones: what it shows is true of them. Method:
 * scenarios from seeds whose outcome does not depend on the schedule (scenarios.ts) run in the
 * simulator, with late and reordered completions, and through a real worker on each engine, whose
 * peers play the same scripts on real sockets. Each connection has to have the same reason, ends,
 * bytes and addresses in its record.
 */

import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import type { EngineKind } from '../../src/engine/worker/protocol.ts'
import { Wanted, want } from '../../src/stats/records.ts'
import { ENGINES, TestEngine } from '../support/engine.ts'
import { sized } from '../support/full.ts'
import { begin, freePort, listen, type TestServer } from '../support/sockets.ts'
import { nameOf, nameText } from './names.ts'
import { Peer } from './peers.ts'
import { playReal } from './real-peer.ts'
import {
  drawScenario,
  type Outcome,
  outcomesOf,
  type Pair,
  type Place,
  planFor,
  type Seen,
  scriptIn,
} from './scenarios.ts'
import { openScene } from './scene.ts'
import type { Socket } from './sockets.ts'

const SCENARIOS = sized(2, 20)
/** Longer than any scenario: no timeout in one is longer than some seconds. */
const ENOUGH_MS = 60_000

type Ends = { readonly client: Seen; readonly server: Seen | null }

const HAS_IPV6 = Object.values(networkInterfaces()).some(all => all?.some(each => each.address === '::1'))

/** Every other scenario is IPv6's, where the machine has it. */
const hostOf = (seed: bigint): string => (HAS_IPV6 && seed % 2n === 0n ? '::1' : '127.0.0.1')

const numberOf = (row: number, isServer: boolean): number => 1000 + 2 * row + (isServer ? 1 : 0)

function played(seed: bigint, host: string, pairs: readonly Pair[]): Outcome[] {
  const places = pairs.map((_, row) => ({
    at: { address: host === '::1' ? 'fd00:1::1' : '10.1.0.1', port: 7000 + row },
    to: { address: host === '::1' ? 'fd00:2::1' : '10.2.0.1', port: 9000 + row },
  }))
  const scene = openScene(planFor(pairs, places), { seed, latencyMs: 1, faults: ['late', 'reorder'] })
  const peer = (socket: Socket, row: number, isServer: boolean): Peer => {
    const { client, server, preface } = pairs[row]
    const script = scriptIn((isServer ? server : client) ?? {})
    const around = isServer ? { isServer } : { preface }
    return new Peer(numberOf(row, isServer), '', script, socket, scene.machine, around)
  }
  const servers: Peer[] = []
  for (const [row, { to }] of places.entries())
    if (pairs[row].server !== null)
      scene.network.servers.set(nameText(nameOf(to.address, to.port)), socket => {
        servers[row] = peer(socket, row, true)
      })
  scene.pass(10)
  const clients = places.map(({ at }, row) => peer(scene.client(at.address, at.port), row, false))
  scene.pass(ENOUGH_MS)
  const seen = clients.map((client, row) => ({
    client: seenBy(client),
    server: servers[row] ? seenBy(servers[row]) : null,
  }))
  return outcomesOf(
    pairs,
    scene.gateway.journals.map(({ records }) => records),
    seen,
  )
}

function seenBy({ heard, isOver, hasReset, isBroken, number }: Peer): Seen {
  assert.ok(isOver, `peer ${number} is not over`)
  return { heard, end: hasReset ? 'has reset' : isBroken ? 'reset' : 'end' }
}

async function real(engine: EngineKind, host: string, pairs: readonly Pair[]): Promise<Outcome[]> {
  await using plane = new TestEngine(engine)
  for (const { records } of plane.journals) want(records, Wanted.ends)
  await using stack = new AsyncDisposableStack()
  const servers: Promise<Seen>[] = []
  const serverAt = async ({ server: script }: Pair, row: number): Promise<Place> => {
    if (script === null) return { address: host, port: await freePort(host) }
    const server: TestServer = await listen(
      socket => {
        servers[row] = playReal(socket, numberOf(row, true), scriptIn(script), { isServer: true })
      },
      { host },
    )
    stack.use(server)
    return { address: server.address, port: server.port }
  }
  const places = await Promise.all(
    pairs.map(async (pair, row) => ({
      at: { address: host, port: await freePort(host) },
      to: await serverAt(pair, row),
    })),
  )
  await plane.adopt(planFor(pairs, places))
  const clients = places.map(({ at }, row) => {
    const { client, preface } = pairs[row]
    return playReal(begin(at.port, at.address), numberOf(row, false), scriptIn(client), { preface })
  })
  const seen: Ends[] = []
  for (const [row, client] of clients.entries())
    seen.push({ client: await client, server: (await servers[row]) ?? null })
  await plane.settled()
  return outcomesOf(
    pairs,
    plane.journals.map(({ records }) => records),
    seen,
  )
}

for (const { engine, test } of ENGINES)
  test(`${engine}: ${SCENARIOS} scenarios end as they do in the simulator`, async () => {
    for (let seed = 1n; seed <= SCENARIOS; seed++) {
      const pairs = drawScenario(seed)
      const host = hostOf(seed)
      assert.deepEqual(await real(engine, host, pairs), played(seed, host, pairs), `scenario ${seed}`)
    }
  })
