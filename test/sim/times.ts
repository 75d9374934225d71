/** What has to hold of times: no deadline is early, or later than threads have stood still. */

import { formatEndpoint } from '../../src/address/address.ts'
import { Live, Stage } from '../../src/stats/connections.ts'
import { sumHistograms } from '../../src/stats/histogram.ts'
import { Series, seriesAt, usedRows } from '../../src/stats/series.ts'
import { nameIn } from './names.ts'
import type { Ended, Scene } from './oracle.ts'
import type { Peer } from './peers.ts'
import { FOUND_OUT_MS } from './upstreams.ts'

/** A reset takes no longer. */
export const CLOSING_MS = 60

export const endpointOf = (words: Int32Array): string => {
  const { address, port } = nameIn(words, Live.endpointAddress)
  return formatEndpoint(address, port)
}

/** Whoever came to a destination and found no endpoint there. */
export function checkRefused({ gateway }: Scene, { words, numbers, reason }: Ended, who: string): void {
  const [acceptedMs, endedMs] = [numbers[Live.acceptedMs / 2], numbers[Live.endedMs / 2]]
  if (reason !== 'no-endpoint' || acceptedMs !== endedMs) return
  const own = gateway.versions.filter(each => each.generation === words[Live.generation])
  const last = own.findLastIndex(each => each.sinceMs < endedMs)
  const plans = own.filter((each, index) => index >= last && each.sinceMs <= endedMs).map(each => each.plan)
  gateway.dials.checkRefused(plans, words[Live.route], words[Live.cluster], endedMs, who)
}

export function checkTimes(
  { gateway, lateMs, unseenMs, failsConnects, onBug }: Scene,
  { reason, words, numbers }: Ended,
  readMs: number,
  who: string,
): void {
  const cluster = gateway.plans[words[Live.generation] - 1]?.clusters[words[Live.cluster]]
  if (cluster === undefined) return
  const { idleTimeoutMs, maxDurationMs, connectTimeoutMs, connectDeadlineMs, writeTimeoutMs } = cluster.policy
  const lasted = numbers[Live.endedMs / 2] - numbers[Live.acceptedMs / 2]
  const idle = numbers[Live.endedMs / 2] - numbers[Live.activeMs / 2]
  const leastMs = Math.min(connectTimeoutMs, connectDeadlineMs)
  if (reason === 'connect-timeout' && !failsConnects && lasted < leastMs - 1)
    onBug(`${who}: after ${lasted} ms of ${leastMs}`)
  if (reason === 'starttls-timeout' && lasted < leastMs - 1) onBug(`${who}: after ${lasted} ms of ${leastMs}`)
  if (reason.startsWith('connect-') && lasted > connectDeadlineMs + readMs + lateMs)
    onBug(`${who}: ${reason} after ${lasted} ms of ${connectDeadlineMs}`)
  // What comes while it is being closed is still counted, and its thread may stand still meanwhile.
  if (reason === 'idle-timeout' && idle > CLOSING_MS + lateMs && idle < idleTimeoutMs - 1)
    onBug(`${who}: after ${idle} ms of ${idleTimeoutMs}`)
  if (reason.endsWith('-stalled') && (writeTimeoutMs === 0 || lasted < writeTimeoutMs - 1))
    onBug(`${who}: ${reason} after ${lasted} ms of ${writeTimeoutMs}`)
  if (reason === 'max-duration' && lasted < maxDurationMs - 1)
    onBug(`${who}: after ${lasted} ms of ${maxDurationMs}`)
  const longestMs = Math.max(maxDurationMs, readMs) + lateMs // as long as it is read from, it has none
  if (maxDurationMs > 0 && reason !== 'worker-lost' && lasted > longestMs)
    onBug(`${who}: lasted ${lasted} ms of ${maxDurationMs}`)
  if (
    idleTimeoutMs > 0 &&
    reason !== 'worker-lost' &&
    words[Live.state] >= Stage.relaying &&
    idle > idleTimeoutMs + lateMs + unseenMs
  )
    onBug(`${who}: was idle for ${idle} ms of ${idleTimeoutMs}`)
}

/** Whoever has vanished holds nothing: keepalive, or the user timeout, finds it out. */
export function checkVanished(
  { lateMs, failsCalls, onBug }: Scene,
  { reason, numbers }: Ended,
  sides: readonly (Peer | undefined)[],
  who: string,
): void {
  if (reason === 'worker-lost' || failsCalls) return
  const endedMs = numbers[Live.endedMs / 2]
  for (const [side, peer] of sides.entries()) {
    if (peer === undefined || peer.vanishedMs === 0) continue
    // What is set up for a long life is set up a second after the connect. What had been said
    // before is delivered, however slowly the other one takes it.
    const setUpMs = numbers[Live.connectedMs / 2] + SETTLE_MS
    const tookMs = endedMs - Math.max(peer.vanishedMs, setUpMs, sides[1 - side]?.heardMs ?? 0)
    if (tookMs > FOUND_OUT_MS + LOOK_MS + CLOSING_MS + lateMs)
      onBug(`${who}: peer ${peer.number} had vanished for ${tookMs} ms`)
  }
}

const SETTLE_MS = 1_100
const LOOK_MS = 200

/** Who takes no byte of those that wait for it is ended in its time, and nobody else is. */
export function checkStalls(
  { gateway, lateMs, unseenMs, onBug }: Scene,
  { reason, words, numbers }: Ended,
  client: Peer,
  server: Peer | undefined,
  who: string,
): void {
  const cluster = gateway.plans[words[Live.generation] - 1]?.clusters[words[Live.cluster]]
  const { writeTimeoutMs = 0 } = cluster?.policy ?? {}
  if (writeTimeoutMs === 0 || words[Live.state] < Stage.relaying) return
  const endedMs = numbers[Live.endedMs / 2]
  const stalled = reason === 'client-stalled' ? client : reason === 'upstream-stalled' ? server : undefined
  // What is called back at the end may have taken some.
  const beforeMs = endedMs - CLOSING_MS - lateMs
  const quietMs = endedMs - gateway.dials.tookMs(numbers[Live.id / 2], stalled === client ? 0 : 1, beforeMs)
  if (stalled && quietMs < writeTimeoutMs - 1) onBug(`${who}: its socket took bytes ${quietMs} ms before`)
  const waits =
    numbers[Live.fromClient / 2] > numbers[Live.toUpstream / 2] ||
    numbers[Live.fromUpstream / 2] > numbers[Live.toClient / 2]
  const stoodMs = endedMs - Math.max(numbers[Live.activeMs / 2], numbers[Live.connectedMs / 2])
  // What waits for a server's consent to TLS has the time of the connect.
  if (client.asking?.hasAsked && server === undefined) return
  if (waits && unseenMs === 0 && reason !== 'worker-lost' && stoodMs > writeTimeoutMs + CLOSING_MS + lateMs)
    onBug(`${who}: bytes have waited for ${stoodMs} ms of ${writeTimeoutMs}`)
}

/** A server's first byte is timed once, and who has heard none is counted. */
export function checkFirstBytes({ gateway, onBug }: Scene, records: readonly Ended[]): void {
  const connected = records.filter(({ words }) => words[Live.state] >= Stage.relaying)
  const spoken = connected.filter(({ numbers }) => numbers[Live.fromUpstream / 2] > 0)
  for (const { words, numbers } of connected) {
    const firstMs = (words[Live.firstByteUs] >>> 0) / 1000
    const isTimed = firstMs > 0
    if (isTimed !== numbers[Live.fromUpstream / 2] > 0)
      onBug(
        `client ${words[Live.clientPort]}: a first byte ${isTimed ? 'is' : 'is not'} timed of ${numbers[Live.fromUpstream / 2]}`,
      )
    const mostMs = numbers[Live.endedMs / 2] - numbers[Live.connectedMs / 2]
    if (firstMs > mostMs + 1) onBug('a first byte came after the end')
  }
  const { count } = sumHistograms(
    gateway.journals.map(({ histograms }) => histograms),
    'firstByte',
  )
  if (count !== spoken.length) onBug(`${count} first bytes are timed of ${spoken.length}`)
  if (gateway.deaths > 0) return // what a worker leaves behind is not counted as silent
  const silent = gateway.journals.reduce((sum, { series }) => sum + silentIn(series), 0)
  if (silent !== connected.length - spoken.length)
    onBug(`${silent} servers were silent of ${connected.length - spoken.length}`)
}

function silentIn(series: SharedArrayBuffer): number {
  const numbers = new Float64Array(series)
  let silent = 0
  for (let row = 0; row < usedRows(new Int32Array(series)); row++)
    silent += numbers[(seriesAt(row) + Series.silent) / 2]
  return silent
}
