/**
 * Weights of a route in a cluster: of a VirtualService, a TCPRoute or a TLSRoute.
 *
 * The resource is read before each write, and the write carries the resourceVersion that was read:
 * what somebody else has written meanwhile is never overwritten. A status that changes is no
 * change. The list of routes is patched as a whole, since both APIs have it as an atomic list.
 */

import { isDeepStrictEqual } from 'node:util'
import { Client } from '../../source/kubernetes/client.ts'
import type { Identity } from '../../source/kubernetes/identity.ts'
import { pathOf, RULE_KINDS } from '../../source/kubernetes/kinds.ts'
import { findIdentity } from '../../source/kubernetes/kubeconfig.ts'
import type { Fields } from '../../source/kubernetes/objects.ts'
import { OF_ROUTES, OF_VIRTUAL_SERVICES } from '../../table/plan/block.ts'
import type { ClusterFlags } from '../cluster.ts'
import { type Env, Exit } from '../env.ts'
import { NoAnswer } from '../live/answered.ts'
import type { Found, WeightsPlace } from './place.ts'
import { type RouteChoice, type RouteToMove, type Target, targetAmong } from './target.ts'

/** "shop/orders", or "TCPRoute shop/orders". */
const NAME = /^(?:(VirtualService|TCPRoute|TLSRoute) )?(?:([^\s/]+)\/)?([^\s/]+)$/i
const CONFLICTS_MAX = 5

type Read = { readonly resourceVersion: string; readonly spec: Fields }
/** Where the API has it: a path of one object. */
type Where = {
  readonly client: Client
  readonly path: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** @throws NoAnswer */
export async function foundInCluster(
  text: string,
  flags: ClusterFlags,
  to: string,
  choice: RouteChoice | undefined,
  { variables }: Env,
): Promise<Found> {
  const [, given = 'VirtualService', namespace = 'default', name] = NAME.exec(text) ?? []
  if (name === undefined) throw new NoAnswer(`"${text}" is no [KIND ][NAMESPACE/]NAME`, Exit.usage)
  const known = RULE_KINDS.find(each => each.kind.toLowerCase() === given.toLowerCase())
  const { kind, versions } = known as (typeof RULE_KINDS)[number]
  const client = new Client(identityOf({ variables, ...flags }))
  const scope = { kind: known as (typeof RULE_KINDS)[number], namespace, name }
  for (const version of versions) {
    const where = { client, path: `${pathOf(scope, version)}/${name}`, kind, namespace, name }
    const read = await readAt(where)
    if (read === null) continue // the server may have an older version
    const id = kind === 'VirtualService' ? `${namespace}/${name}` : `${kind} ${namespace}/${name}`
    const title = `${kind} ${namespace}/${name}`
    const places = routesOf(id, namespace, read.spec).map(route => ({ file: title, route }))
    const target = targetAmong(id, places, client.server, to, choice)
    return { target, place: new ClusterPlace(where, target, read.spec) }
  }
  throw new NoAnswer(`${client.server} has no ${kind} ${namespace}/${name}`)
}

function identityOf(options: Parameters<typeof findIdentity>[0]): Identity {
  try {
    return findIdentity(options)
  } catch (error) {
    throw new NoAnswer(error instanceof Error ? error.message : String(error))
  }
}

/** null: it is not there. */
async function readAt({ client, path }: Where): Promise<Read | null> {
  const { status, value } = await client
    .whole(path, new AbortController().signal)
    .catch(error => ({ status: 0, value: { message: String(error) } }))
  if (status === 404) return null
  if (status !== 200) throw new NoAnswer(`${client.server}: ${Object(value).message ?? status}`)
  return readOf(value)
}

const readOf = (value: unknown): Read => {
  const { metadata, spec } = Object(value) as { metadata?: Fields; spec?: Fields }
  return { resourceVersion: String(metadata?.resourceVersion ?? ''), spec: spec ?? {} }
}

const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(each => Object(each)) : [])
/** Where a route has its destinations, and the weight of one that says none. */
const partsOf = (block: string) =>
  block === OF_ROUTES[0] ? { list: 'backendRefs', least: 1 } : { list: 'route', least: 0 }

/** The routes of one resource, in the order in which it has them. */
function routesOf(virtualService: string, namespace: string, spec: Fields): RouteToMove[] {
  return [...OF_VIRTUAL_SERVICES, ...OF_ROUTES].flatMap(block =>
    listOf(spec[block]).map((written, route) => ({
      namespace,
      virtualService,
      block,
      route,
      trouble: null,
      destinations: listOf(written[partsOf(block).list]).map(each => destinationOf(block, each, namespace)),
    })),
  )
}

function destinationOf(block: string, written: Fields, namespace: string) {
  const weight = Number(written.weight ?? partsOf(block).least)
  if (block !== OF_ROUTES[0]) {
    const { host, subset } = Object(written.destination) as Fields
    return { host: String(host ?? ''), subset: subset === undefined ? null : String(subset), weight }
  }
  const { name, namespace: other = namespace } = written
  const host = other === namespace ? String(name) : `${name}.${other}.svc.cluster.local`
  return { host, subset: null, weight }
}

class ClusterPlace implements WeightsPlace {
  readonly #where: Where
  readonly #target: Target
  readonly #original: Fields
  /** As this rollout has left it. */
  #known: Fields
  readonly title: string
  readonly what = 'this cluster'
  readonly isReloaded = false

  constructor(where: Where, target: Target, spec: Fields) {
    this.#where = where
    this.#target = target
    this.#original = spec
    this.#known = spec
    this.title = target.file
  }

  /** While the API does not answer, nobody can say: the next write will tell. */
  async isForeign(): Promise<boolean> {
    try {
      const read = await readAt(this.#where)
      return read === null || !isDeepStrictEqual(read.spec, this.#known)
    } catch {
      return false
    }
  }

  async isAsBefore(): Promise<boolean> {
    return isDeepStrictEqual(this.#known, this.#original)
  }

  async present(): Promise<readonly number[] | null> {
    const { virtualService, namespace, block, route, destinations } = this.#target.route
    const read = await readAt(this.#where).catch(() => null)
    const found = routesOf(virtualService, namespace, read?.spec ?? {}).find(
      each => each.block === block && each.route === route,
    )
    return found?.destinations.length === destinations.length
      ? found.destinations.map(each => each.weight)
      : null
  }

  set(weights: readonly number[]): Promise<string | null> {
    const { block, route } = this.#target.route
    const { list } = partsOf(block)
    const routes = listOf(this.#known[block]).map((each, index) => {
      if (index !== route) return each
      const weighted = listOf(each[list]).map((one, at) => ({ ...one, weight: weights[at] }))
      return { ...each, [list]: weighted }
    })
    return this.#write({ [block]: routes })
  }

  putBack(): Promise<string | null> {
    const { block } = this.#target.route
    return this.#write({ [block]: this.#original[block] })
  }

  /** For a shell. */
  patch(_was: readonly number[], now: readonly number[]): { text: string } {
    const { kind, namespace, name } = this.#where
    const { block, route } = this.#target.route
    const operations = now.map((value, at) => ({
      op: 'add',
      path: `/spec/${block}/${route}/${partsOf(block).list}/${at}/weight`,
      value,
    }))
    const what = `${kind.toLowerCase()} ${name}`
    return { text: `kubectl -n ${namespace} patch ${what} --type=json -p '${JSON.stringify(operations)}'\n` }
  }

  /** Only over what this rollout knows. Another status is a conflict: once more. */
  async #write(spec: Fields): Promise<string | null> {
    const { client, path } = this.#where
    for (let attempt = 0; attempt < CONFLICTS_MAX; attempt++) {
      try {
        const read = await readAt(this.#where)
        if (read === null) return 'it is gone'
        if (!isDeepStrictEqual(read.spec, this.#known)) return 'somebody else has changed it'
        const body = JSON.stringify({ metadata: { resourceVersion: read.resourceVersion }, spec })
        const sent = { method: 'PATCH', type: 'application/merge-patch+json', body }
        const { status, value } = await client.whole(
          `${path}?fieldManager=weir-rollout`,
          new AbortController().signal,
          sent,
        )
        if (status === 409) continue
        if (status >= 300) return `${Object(value).message ?? status}`
        this.#known = readOf(value).spec
        return null
      } catch (error) {
        return error instanceof Error ? error.message : String(error)
      }
    }
    return 'others write it all the time'
  }
}
