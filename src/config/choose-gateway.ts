/**
 * Which gateway a question means: by its name, or, where it says none, the only one that there can be.
 *
 * A gateway that is known and listens nowhere is none to be refused: that no connection gets in is an answer.
 */

import type { Table } from '../table/table.ts'
import type { LoadedResource } from './load.ts'
import { quote } from './quote.ts'
import { didYouMean } from './suggest.ts'

export type Chosen = { readonly gateway: string } | { readonly error: string }

const MESH = 'mesh'
const KIND = 'Gateway '

/**
 * @param name  'mesh', 'namespace/name', or 'name' (in any namespace; `default` first); null or '': not said.
 * @param resources  Those of the configuration: Gateways that are served nowhere are among them.
 * @param option  How the reader says it: '--gateway'.
 */
export function chooseGateway(
  { sockets }: Pick<Table, 'sockets'>,
  resources: readonly LoadedResource[],
  name: string | null,
  option: string,
): Chosen {
  const listening = [...new Set(sockets.filter(each => each.opens).map(each => each.gateway))]
  if (name === null || name === '') return onlyOne(listening, option)
  const written = resources.flatMap(({ title }) => (title.startsWith(KIND) ? [title.slice(KIND.length)] : []))
  const known = [...new Set([MESH, ...sockets.map(each => each.gateway), ...written])]
  if (known.includes(name)) return { gateway: name }
  const meant = name.includes('/') ? [] : known.filter(each => each.endsWith(`/${name}`))
  const [first] = meant.includes(`default/${name}`) ? [`default/${name}`] : meant
  if (first !== undefined && (meant.length === 1 || first === `default/${name}`)) return { gateway: first }
  if (meant.length > 1)
    return { error: `${option} ${name} may be ${meant.join(' or ')}: write it as namespace/name` }
  const short = known.flatMap(each => [each, ...each.split('/').slice(1)])
  const hint = didYouMean(name, short) ?? `there are ${listed(known)}`
  return { error: `${option} ${name}: there is no gateway ${quote(name)} (${hint})` }
}

/** The mesh where it listens, else the only Gateway that does. */
function onlyOne(listening: readonly string[], option: string): Chosen {
  if (listening.includes(MESH)) return { gateway: MESH }
  if (listening.length === 1) return { gateway: listening[0] }
  const which = listening.length === 0 ? 'nothing listens' : `there are ${listed(listening)}`
  return { error: `say with ${option} which gateway is meant: ${which}` }
}

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
