/**
 * A gateway begins to serve in place of another process: it opens what it has not inherited, and
 * accepts once all is open.
 */

import { settlesWithin } from '../../base/settles-within.ts'
import { openTable } from '../../table/format/table.ts'
import type { Compiled } from '../compile/compiled.ts'
import { parsePlace } from '../health/endpoint-place.ts'
import type { Publisher } from '../publisher.ts'
import type { Readiness } from '../readiness.ts'
import type { DataPlane } from '../workers/data-plane.ts'
import type { Claim } from './claim.ts'
import type { PassedState } from './offer.ts'

/** Until every listener is open; the other process waits longer (offer.ts). */
const OPEN_MS_MAX = 60_000

type Parts = {
  readonly plane: DataPlane
  readonly publisher: Publisher
  readonly readiness: () => Readiness
}

/** Where a configuration listens. */
export function placesOf(compiled: Compiled | null): ReadonlySet<string> {
  const sockets = compiled?.table ? openTable(compiled.table).sockets : []
  return new Set(sockets.flatMap(({ bind, port, opens }) => (opens ? [`${bind} ${port}`] : [])))
}

/** What the next process gets; null: nothing is served. */
export function passedStateOf(plane: DataPlane | undefined, { keeper }: Publisher): PassedState | null {
  if (plane === undefined) return null
  const { sockets, health } = plane
  return { sockets, tickets: keeper.ticketState, drained: health.drains.map(each => each.text) }
}

/** '' once it accepts; else why not, and the other process serves on. */
export async function succeed({ plane, publisher, readiness }: Parts, claim: Claim): Promise<string> {
  const { sockets } = plane
  if (claim.tickets) publisher.keeper.inherit(claim.tickets)
  sockets.inherit(claim.sockets)
  publisher.begin(plane)
  for (const endpoint of claim.drained) {
    const place = parsePlace(endpoint)
    if (place) plane.health.drain(place)
  }
  void claim.left.then(() => sockets.acceptAnew())
  const why = unserved(readiness()) || (await opened(plane))
  if (why === '' || (await claim.giveUp(why))) return why
  sockets.accept() // the other one has ended: what can be served is
  return ''
}

/** '' once every listener is open. */
async function opened({ sockets }: DataPlane): Promise<string> {
  let why = ''
  const refused = sockets.refused.then(text => {
    why = text
  })
  if (await settlesWithin(Promise.race([sockets.accepting, refused]), OPEN_MS_MAX)) return why
  sockets.giveUp()
  return `not every listener could be opened within ${OPEN_MS_MAX / 1000} s`
}

/** What the files keep from being served, as in `Readiness.why`; '' if there is nothing. */
function unserved({ why, closed }: Readiness): string {
  if (why === 'no-listener') return 'the configuration opens no listener'
  const own = closed.filter(each => !each.onlyApi)
  return own.map(each => `${each.server}: ${each.why}`).join('; ')
}
