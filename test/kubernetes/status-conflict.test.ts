/** A status that somebody else writes meanwhile: a conflict loses neither's part. */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from '../../src/source/kubernetes/client.ts'
import { readObject } from '../../src/source/kubernetes/objects.ts'
import { Writer } from '../../src/source/kubernetes/writer.ts'
import { ISTIO_CRDS } from './fake/crds.ts'
import { FakeApi } from './fake/server.ts'
import { route } from './scene.ts'

const conditionOf = (type: string): object => ({
  type,
  status: 'True',
  reason: 'Fine',
  message: '',
  observedGeneration: 1,
})

test('a conflict on a status: read anew, written again', async t => {
  const api = await FakeApi.start({ crds: ISTIO_CRDS })
  const identity = {
    server: new URL(api.url),
    namespace: 'default',
    tls: () => ({}),
    bearer: null,
    title: 'fake',
  }
  const client = new Client(identity)
  const stale = api.put(route('a'))
  const others = { ...stale, status: { conditions: [conditionOf('other.example/Seen')] } }
  api.put(others)
  // Until the conflict, the watch has not brought the other's write.
  const writer = new Writer({
    client,
    spreadMs: 1,
    find: () => {
      const known = api.count('patch') === 0 ? stale : api.get(stale)
      return readObject(known, 'VirtualService', 'networking.istio.io/v1')
    },
  })
  t.after(async () => {
    await writer.close()
    client.close()
    await api.stop()
  })
  const status = { conditions: [conditionOf('gateway.weir/Accepted')] }
  writer.want(new Map([['key', { generation: 1, status }]]), [])
  while (api.count('patch') < 2) await api.nextRequest
  deepEqual(
    api.requests.filter(each => each.verb === 'patch').map(each => [each.subresource, each.code]),
    [
      ['status', 409],
      ['status', 200],
    ],
  )
  const { conditions } = api.get(stale).status as { conditions: { type: string }[] }
  deepEqual(conditions.map(each => each.type).sort(), ['gateway.weir/Accepted', 'other.example/Seen'])
  equal(api.get(stale).metadata.generation, 1)
})

test('a status that was written is not written again before the watch has brought it', async t => {
  const api = await FakeApi.start({ crds: ISTIO_CRDS })
  const bearer = null
  const server = new URL(api.url)
  const client = new Client({ server, namespace: 'default', tls: () => ({}), bearer, title: 'fake' })
  const known = new Map(['a', 'b'].map(name => [name, api.put(route(name))]))
  const writer = new Writer({
    client,
    spreadMs: 1,
    find: key => readObject(known.get(key), 'VirtualService', 'networking.istio.io/v1'),
  })
  t.after(async () => {
    await writer.close()
    client.close()
    await api.stop()
  })
  const wanted = { generation: 1, status: { conditions: [conditionOf('gateway.weir/Accepted')] } }
  const written = () => api.requests.filter(each => each.verb === 'patch').map(each => each.name)
  writer.want(new Map([['a', wanted]]), [])
  while (written().length < 1) await api.nextRequest
  writer.want(new Map(['a', 'b'].map(key => [key, wanted])), [])
  while (!written().includes('b')) await api.nextRequest
  deepEqual(written(), ['a', 'b'])
})
