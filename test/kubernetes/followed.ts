/** A KubernetesSource beside the API that it follows, and what it has told so far. */

import { isDeepStrictEqual } from 'node:util'
import { loadConfig } from '../../src/config/load.ts'
import { type ApiObject, objectKey } from '../../src/config/text/read-objects.ts'
import { reportsOf } from '../../src/control/cluster-reports.ts'
import type { Identity } from '../../src/source/kubernetes/identity.ts'
import { readObject } from '../../src/source/kubernetes/objects.ts'
import type { Pace } from '../../src/source/kubernetes/pace.ts'
import { KubernetesSource } from '../../src/source/kubernetes/source.ts'
import type { FakeApi } from './fake/server.ts'

/** Waits that a test can await: a hundredth of the real ones (pace.ts), and less. */
export const QUICK = {
  leastMs: 10,
  mostMs: 80,
  healthyMs: 1_000,
  pageSize: 3,
  watchS: 300,
  idleMs: 10_000,
  streamMs: 10_000,
  shortMs: 5,
  absentMs: 30,
}

type KubernetesSettings = ConstructorParameters<typeof KubernetesSource>[0]['settings']

const SETTINGS: KubernetesSettings = {
  namespaces: [],
  gatewaySelector: {},
  gatewayClass: null,
  identity: 'none',
  hasLocality: false,
  namespace: null,
}

export interface FollowOptions {
  readonly settings?: Partial<KubernetesSettings>
  readonly identity?: Partial<Identity>
  readonly pace?: Partial<Pace>
}

export class Followed {
  readonly source: KubernetesSource
  /** By key, what the source has told. */
  readonly table = new Map<string, ApiObject>()
  readonly #api: FakeApi
  /** How often it told of changes, and how large the table was each time. */
  readonly sizes: number[] = []
  #wake = Promise.withResolvers<void>()

  constructor(api: FakeApi, { settings, identity, pace }: FollowOptions = {}) {
    this.#api = api
    this.source = new KubernetesSource({
      identity: {
        server: new URL(api.url),
        namespace: 'default',
        tls: () => ({}),
        bearer: null,
        title: 'fake',
        ...identity,
      },
      settings: { ...SETTINGS, ...settings },
      onState: () => this.#awake(),
      pace: { ...QUICK, ...pace },
    })
  }

  /** Resolves once the source is synced and has told what there is. */
  static async of(api: FakeApi, options: FollowOptions = {}): Promise<Followed> {
    const followed = new Followed(api, options)
    await followed.begin()
    return followed
  }

  async begin(): Promise<void> {
    await this.source.begin()
    this.#take()
    const take = () => this.#take()
    await this.source.follow(take, take)
  }

  /** Writes what a gateway would report of what this source has told. */
  report(): void {
    const objects = [...this.table].map(([key, object]) => ({ key, object, lastGood: null }))
    this.source.report(reportsOf(loadConfig([], { names: new Map(), objects }), this.source.all()))
  }

  close(): Promise<void> {
    return this.source.close()
  }

  /** Resolves when it is so; looks whenever the source or the API says anything. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await Promise.race([this.#wake.promise, this.#api.nextRequest])
  }

  /** Resolves when the table is what the API has. */
  async equals(): Promise<void> {
    await this.until(() => this.isEqual)
  }

  get isEqual(): boolean {
    const there = this.#stored()
    return (
      there.size === this.table.size &&
      [...there].every(([key, object]) => isDeepStrictEqual(this.table.get(key), object))
    )
  }

  /** What the API has of the kinds that are followed, as far as weir reads it. */
  #stored(): Map<string, ApiObject> {
    // A kind may be followed in an older version that its definition had first.
    const followed = new Map(
      this.source.states
        .filter(({ title }) => !title.includes('gateway.'))
        .map(({ kind, version }) => [kind, version]),
    )
    const kinds = this.#api.kinds
      .all()
      .filter(({ kind, group }) => followed.has(kind) && !group.startsWith('gateway.'))
    return new Map(
      kinds.flatMap(kind =>
        this.#api.store.list(kind).map(stored => {
          const version = kind.group === '' ? 'v1' : `${kind.group}/${followed.get(kind.kind)}`
          const { object } = readObject(stored, kind.kind, version) as { object: ApiObject }
          return [objectKey(object), object] as const
        }),
      ),
    )
  }

  #take(): void {
    const { from, changed, removed } = this.source.current()
    this.source.compiled()
    if (from === 0) this.table.clear()
    for (const each of changed) this.table.set(objectKey(each), each)
    for (const key of removed) this.table.delete(key)
    this.sizes.push(this.table.size)
    this.#awake()
  }

  #awake(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}
