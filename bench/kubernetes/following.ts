/** A gateway in a process of its own that follows the tests' API server in this one. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from '../../test/kubernetes/fake/crds.ts'
import type { KubeObject } from '../../test/kubernetes/fake/object.ts'
import { FakeApi } from '../../test/kubernetes/fake/server.ts'
import type { Contender } from '../engines/contenders.ts'
import { Running } from '../engines/running.ts'
import { whoAnswers } from '../reload/servers.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/weir.js', import.meta.url))

export type Followed = AsyncDisposable & { readonly api: FakeApi; readonly running: Running }

/** An API with these objects, of which the first is given the port of the gateway's listener. */
export async function follow(
  folder: string,
  objects: (port: number) => Iterable<KubeObject>,
): Promise<Followed> {
  await using starting = new AsyncDisposableStack()
  const api = await FakeApi.start({ crds: [...ISTIO_CRDS, ...GATEWAY_API_CRDS], bookmarkMs: 60_000 })
  starting.defer(() => api.stop())
  const weir: Contender = {
    name: 'weir --kubernetes',
    missing: () => '',
    command: ({ listen }) => {
      for (const each of objects(listen)) api.put(each)
      const [kubeconfig, settings] = ['kubeconfig', 'settings.yaml'].map(name => join(folder, name))
      writeFileSync(kubeconfig, api.kubeconfig())
      writeFileSync(
        settings,
        'apiVersion: gateway.weir/v1\nkind: Settings\nspec: { workers: 1, mesh: { capture: none } }\n',
      )
      const flags = ['run', '--no-admin', '--kubernetes', '--kubeconfig', kubeconfig, settings]
      return [process.execPath, MAIN, ...flags]
    },
  }
  const isReady = async (port: number): Promise<void> => void (await whoAnswers(port))
  const running = starting.use(await Running.start(weir, 0, folder, isReady))
  const started = starting.move()
  return { api, running, [Symbol.asyncDispose]: () => started.disposeAsync() }
}
