/** A fake API server with some objects, and sources that follow it. */

import type { TestContext } from 'node:test'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from './fake/crds.ts'
import type { KubeObject } from './fake/object.ts'
import type { Recorded } from './fake/request.ts'
import { FakeApi, type FakeOptions } from './fake/server.ts'
import { Followed, type FollowOptions } from './followed.ts'

export const route = (name: string, host = 'a.example'): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name, namespace: 'default' },
  spec: { hosts: [host], tcp: [{ route: [{ destination: { host: 'mongo' } }] }] },
})

export const service = (name: string, port = 27017): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { ports: [{ port }] },
})

const FIRST = [...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(name => route(name)), service('mongo')]
/** Bookmarks come before a quiet watch counts as dead, where a test lets that be soon. */
const BOOKMARK_MS = 50

export class Scene {
  readonly api: FakeApi
  readonly #opened: Followed[] = []
  #changes = 0

  static async of(
    t: Pick<TestContext, 'after'>,
    options: FakeOptions = {},
    objects: readonly KubeObject[] = FIRST,
  ): Promise<Scene> {
    const api = await FakeApi.start({
      crds: [...ISTIO_CRDS, ...GATEWAY_API_CRDS],
      bookmarkMs: BOOKMARK_MS,
      ...options,
    })
    for (const each of objects) api.put(each)
    const scene = new Scene(api)
    t.after(() => scene.close())
    return scene
  }

  private constructor(api: FakeApi) {
    this.api = api
  }

  /** A source that is synced and knows what there is. */
  async follow(options?: FollowOptions): Promise<Followed> {
    const followed = this.follower(options)
    await followed.begin()
    await followed.equals()
    return followed
  }

  /** A source that has not begun. */
  follower(options?: FollowOptions): Followed {
    const followed = new Followed(this.api, options)
    this.#opened.push(followed)
    return followed
  }

  /** A change of each sort: of what was there, something new, and something that goes. */
  change(): void {
    if (this.#changes > 0) this.api.remove(route(`new-${this.#changes}`))
    this.#changes++
    this.api.put(route('b', `b${this.#changes}.example`))
    this.api.put(route(`new-${this.#changes}`))
  }

  /** The requests about VirtualServices. */
  get asked(): readonly Recorded[] {
    return this.api.requests.filter(each => each.plural === 'virtualservices')
  }

  cutAll(midLine = false): void {
    for (const each of this.api.watches) each.cut(midLine)
  }

  async close(): Promise<void> {
    try {
      for (const each of this.#opened) await each.close()
    } finally {
      await this.api.stop()
    }
  }
}
