/** Where the gateways of a fleet are: addresses as they are, and all addresses of each name. */

import { settlesWithin } from '../../base/settles-within.ts'
import { DEFAULT_ADMIN } from '../../config/settings/settings.ts'
import { type Answer, answerText, FAMILIES, isFound } from '../../source/names/answer.ts'
import { type Lookup, SystemLookup } from '../../source/names/system-lookup.ts'
import { type AdminPlace, formatAdminPlace, parseAdminPlace } from '../admin-place.ts'
import { Unanswered } from '../ask.ts'

const PORT_MAX = 65_535

type Options = {
  /** For all names together. */
  readonly totalMs: number
  /** Further places are left out. */
  readonly most: number
  /** Name servers instead of those of resolv.conf; none: those. */
  readonly servers?: readonly string[]
  readonly lookup?: Lookup
}

/**
 * "10.0.0.1:15021", "gateways.svc", "gateways.svc:15021": each place once. What has no address is
 * told in `failed`.
 */
export async function placesOf(
  hosts: readonly string[],
  { totalMs, most, servers = [], lookup = new SystemLookup() }: Options,
): Promise<{ places: AdminPlace[]; failed: { place: string; error: string }[] }> {
  const places = new Map<string, AdminPlace>()
  const failed: { place: string; error: string }[] = []
  try {
    lookup.useServers(servers)
    await lookup.refresh()
    const found = await Promise.all(hosts.map(each => placesAt(each, lookup, totalMs)))
    for (const [index, each] of found.entries())
      if (each instanceof Unanswered) failed.push({ place: hosts[index], error: each.message })
      else for (const place of each) if (places.size < most) places.set(formatAdminPlace(place), place)
  } finally {
    lookup.close()
  }
  return { places: [...places.values()], failed }
}

async function placesAt(
  written: string,
  lookup: Lookup,
  totalMs: number,
): Promise<readonly AdminPlace[] | Unanswered> {
  const place = parseAdminPlace(written) ?? parseAdminPlace(`${written}:${DEFAULT_ADMIN.port}`)
  if (place) return [place]
  const [, host = written, port = String(DEFAULT_ADMIN.port)] = /^(.+?)(?::(\d{1,5}))?$/.exec(written) ?? []
  if (Number(port) > PORT_MAX) return new Unanswered(`${written} has no such port: the last is ${PORT_MAX}`)
  let answer: Answer | null = null
  const asked = lookup.lookup(host, null).then(said => {
    answer = said
  })
  if (!(await settlesWithin(asked, totalMs)) || answer === null)
    return new Unanswered(`${host} has no address yet: DNS takes longer than ${totalMs / 1000} s`)
  return addressesOf(answer, host, Number(port))
}

function addressesOf(answer: Answer, host: string, port: number): AdminPlace[] | Unanswered {
  if (!isFound(answer)) return new Unanswered(`${host} has no address (${answerText(answer)})`)
  const addresses = FAMILIES.flatMap(family => {
    const each = answer.families[family]
    return each.kind === 'found' ? each.addresses : []
  })
  return addresses.map(address => ({ address, port, socket: '' }))
}
