/** What a rollout moves: a destination of one route, found in the files or in a cluster. */

import { expandHost } from '../../config/plan/names.ts'
import { type WrittenRoute, writtenRoutes } from '../../config/text/edit-weights.ts'
import { readSources, type Sources } from '../../source/files/files.ts'
import type { Block } from '../../table/plan/block.ts'
import { ruleResource } from '../../table/plan/rule-name.ts'
import { Exit } from '../env.ts'
import { NoAnswer } from '../live/answered.ts'

/** Of --route: an index, in its block if it is said. */
export type RouteChoice = { readonly block: string | null; readonly index: number }

export type RouteToMove = Omit<WrittenRoute, 'block'> & { readonly block: Block }

export type Target = {
  /** The file, or the resource of a cluster. */
  readonly file: string
  readonly route: RouteToMove
  /** Of the destination. */
  readonly index: number
  /** Hosts as the gateway names them. */
  readonly hosts: readonly string[]
}

type Place = { readonly file: string; readonly route: RouteToMove }

/** Names shown in an error. */
const SHOWN_MAX = 10

export function targetInFiles(
  name: string,
  sources: Sources,
  to: string,
  choice: RouteChoice | undefined,
): Target {
  const service = name.includes('/') ? name : `default/${name}`
  return targetAmong(service, placesIn(sources), sources.paths.join(', '), to, choice)
}

/**
 * @param service  As rules name it.
 * @param from  Where `all` is from, for people.
 */
export function targetAmong(
  service: string,
  all: readonly Place[],
  from: string,
  to: string,
  choice: RouteChoice | undefined,
): Target {
  const routes = all.filter(each => each.route.virtualService === service)
  if (routes.length === 0) {
    const known = new Set(all.map(each => each.route.virtualService))
    const what = ruleResource(service)
    const blocks = what.startsWith('VirtualService ') ? 'tcp or tls routes' : 'rules'
    throw usage(`no ${what} with ${blocks} is in ${from}${listed('there are', known)}`)
  }
  const files = new Set(routes.map(each => each.file))
  if (files.size > 1) throw usage(`VirtualService ${service} is in several files: ${[...files].join(', ')}`)
  const asked = routes.filter(each => isChosen(each.route, choice))
  if (asked.length === 0) {
    const places = new Set(routes.map(each => placeOf(each.route)))
    throw usage(`--route ${choiceText(choice)}: ${service} has no such route${listed('it has', places)}`)
  }
  return theOne(service, asked, to)
}

const placesIn = (sources: Sources): Place[] =>
  readSources(sources).files.flatMap(({ file, bytes }) =>
    bytes instanceof Error
      ? []
      : writtenRoutes(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)).map(route => ({
          file,
          route,
        })),
  )

function theOne(service: string, asked: readonly Place[], to: string): Target {
  const having = asked.filter(({ route }) => indexesOf(route, to).length > 0)
  const split = having.filter(({ route }) => route.destinations.length > 1)
  const found = split.length === 0 ? having : split // no other one can be moved
  if (found.length === 0) {
    const names = asked.flatMap(({ route }) => route.destinations.map(toText))
    throw usage(
      `--to ${to}: no route of ${service} has this destination${listed('there are', new Set(names))}`,
    )
  }
  const places = found.map(each => placeOf(each.route))
  if (new Set(places).size < found.length) throw usage(`VirtualService ${service} is defined twice`)
  if (found.length > 1)
    throw usage(
      `--to ${to}: several routes of ${service} have this destination: say which with --route ${places.join(', or ')}`,
    )
  const [{ file, route }] = found
  const where = `${service} ${placeOf(route)}`
  const indexes = indexesOf(route, to)
  if (indexes.length > 1) throw usage(`--to ${to}: ${where} has this destination more than once`)
  if (route.destinations.length === 1) throw usage(`--to ${to}: it is the only destination of ${where}`)
  if (route.trouble !== null) throw usage(`${file}: ${where}: ${route.trouble}`)
  const hosts = route.destinations.map(each => expandHost(each.host, route.namespace))
  return { file, route, index: indexes[0], hosts }
}

/** The destinations that `to` names: HOST or HOST/SUBSET, the host as written or in full. */
function indexesOf({ destinations, namespace }: RouteToMove, to: string): number[] {
  const [host, subset = null] = to.split('/')
  const full = expandHost(host, namespace)
  return destinations.flatMap((each, index) =>
    expandHost(each.host, namespace) === full && each.subset === subset ? [index] : [],
  )
}

const isChosen = ({ block, route }: RouteToMove, choice: RouteChoice | undefined): boolean =>
  choice === undefined || (route === choice.index && (choice.block === null || choice.block === block))

const choiceText = (choice: RouteChoice | undefined): string =>
  choice === undefined ? '' : choice.block === null ? `${choice.index}` : `${choice.block}[${choice.index}]`

export const placeOf = ({ block, route }: Pick<RouteToMove, 'block' | 'route'>): string =>
  `${block}[${route}]`

/** As `--to` takes it: HOST or HOST/SUBSET. */
const toText = ({ host, subset }: { host: string; subset: string | null }): string =>
  subset === null ? host : `${host}/${subset}`

const usage = (message: string): NoAnswer => new NoAnswer(message, Exit.usage)

function listed(what: string, names: ReadonlySet<string>): string {
  if (names.size === 0) return ''
  const more = names.size > SHOWN_MAX ? ` and ${names.size - SHOWN_MAX} more` : ''
  return `; ${what} ${[...names].slice(0, SHOWN_MAX).join(', ')}${more}`
}
