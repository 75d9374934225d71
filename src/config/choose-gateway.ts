/**
 * Chooses the gateway of a question: by its name, or without a name the only one.
 *
 * A known gateway without listeners is accepted: the answer is that no connection gets in.
 */

import type { Table } from '../table/format/table.ts'
import { quote } from './findings/quote.ts'
import { didYouMean } from './findings/suggest.ts'

type Chosen = { readonly gateway: string } | { readonly error: string }

/** The gateways that a question can name. */
export type Gateways = {
  /** 'mesh', and every Gateway, served here or not. */
  readonly known: readonly string[]
  /** Those with a listener of their own. */
  readonly listening: readonly string[]
}

/** A gateway, or why none was chosen: no name given, several of that name, or none. */
type FoundGateway =
  | { readonly gateway: string }
  | { readonly why: 'unsaid' | 'ambiguous' | 'unknown'; readonly names: string; readonly hint?: string }

const MESH = 'mesh'
const KIND = 'Gateway '

/**
 * @param name  'mesh', 'namespace/name', or 'name' (in any namespace; `default` first); null or '':
 * not given.
 * @param resources  All resources, including Gateways that no process serves.
 * @param option  How the caller names the gateway: '--gateway'.
 */
export function chooseGateway(
  { sockets }: Pick<Table, 'sockets'>,
  resources: readonly { readonly title: string }[],
  name: string | null,
  option: string,
): Chosen {
  const written = resources.flatMap(({ title }) => (title.startsWith(KIND) ? [title.slice(KIND.length)] : []))
  const found = findGateway(gatewaysOf(sockets, written), name, ['default'])
  if ('gateway' in found) return found
  const { why, names, hint } = found
  if (why === 'unsaid') return { error: `choose a gateway with ${option}: ${names}` }
  if (why === 'ambiguous') return { error: `${option} ${name} may be ${names}: write it as namespace/name` }
  return { error: `${option} ${name}: there is no gateway ${quote(name ?? '')} (${hint})` }
}

/** @param written  Every Gateway: 'namespace/name'. */
export function gatewaysOf(
  listeners: readonly { readonly gateway: string; readonly opens: boolean }[],
  written: readonly string[],
): Gateways {
  return {
    known: [...new Set([MESH, ...listeners.map(each => each.gateway), ...written])],
    listening: [...new Set(listeners.filter(each => each.opens).map(each => each.gateway))],
  }
}

/** @param namespaces  Namespaces to search first for a bare name. */
export function findGateway(
  { known, listening }: Gateways,
  name: string | null,
  namespaces: readonly string[],
): FoundGateway {
  if (name === null || name === '') return onlyOne(listening)
  if (known.includes(name)) return { gateway: name }
  const meant = name.includes('/') ? [] : known.filter(each => each.endsWith(`/${name}`))
  const first = namespaces.map(each => `${each}/${name}`).find(each => meant.includes(each))
  if (first !== undefined) return { gateway: first }
  if (meant.length === 1) return { gateway: meant[0] }
  if (meant.length > 1) return { why: 'ambiguous', names: meant.join(' or ') }
  const short = known.flatMap(each => [each, ...each.split('/').slice(1)])
  const names = listed(known)
  return { why: 'unknown', names, hint: didYouMean(name, short) ?? `there are ${names}` }
}

/** The mesh if it listens, else the only Gateway that does. */
function onlyOne(listening: readonly string[]): FoundGateway {
  if (listening.includes(MESH)) return { gateway: MESH }
  if (listening.length === 1) return { gateway: listening[0] }
  return {
    why: 'unsaid',
    names: listening.length === 0 ? 'nothing listens' : `there are ${listed(listening)}`,
  }
}

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
