/**
 * `weir run --take-over`: finds the running gateway by the admin listener that both have, and asks
 * it for its listening sockets (control/take-over).
 */

import type { AdminPlace } from '../admin/admin-place.ts'
import { formatAdminPlace } from '../admin/admin-place.ts'
import { Claim } from '../control/take-over/claim.ts'
import { PROTOCOL } from '../control/take-over/messages.ts'
import type { Env } from './env.ts'
import { NoAnswer } from './live/answered.ts'
import { clientOf } from './live/client.ts'

/** What the running gateway has passed on; or why it does not. */
export async function takeOverFrom(
  place: AdminPlace,
  places: ReadonlySet<string>,
  env: Env,
): Promise<Claim | string> {
  const socket = await nameOfSocket(place, env)
  if (typeof socket === 'string') return socket
  const claim = Claim.connect(socket.name)
  if (typeof claim === 'string') return claim
  const why = (await claim.receive(places)) || elsewhere(claim, place)
  if (why === '') return claim
  await claim.giveUp(why)
  return why
}

async function nameOfSocket(place: AdminPlace, env: Env): Promise<{ readonly name: string } | string> {
  try {
    const client = clientOf(place, env)
    const { socket } = await client.send<{ socket: unknown }>('POST', '/take-over', { protocol: PROTOCOL })
    return typeof socket === 'string' ? { name: socket } : 'it does not name a socket'
  } catch (error) {
    if (error instanceof NoAnswer) return error.message
    throw error
  }
}

/** Both must have the admin listener at one place: its socket is handed over, too. */
function elsewhere({ admin }: Claim, place: AdminPlace): string {
  const own = formatAdminPlace(place)
  return admin === null || admin.place === own
    ? ''
    : `its admin listener is at ${admin.place}, this one's at ${own}: start with the same --admin`
}
