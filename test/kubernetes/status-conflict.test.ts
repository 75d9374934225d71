/**
 * A status that somebody else writes meanwhile: a conflict loses neither's part. And one that
 * should soon be another: what is known of it is what the watch has brought, which may be old.
 */

import { deepEqual, equal } from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
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

/** A writer for routes `a`, `b` …, of which it knows what `bring` has brought. */
async function writerOf(t: TestContext, names: readonly string[]) {
  const api = await FakeApi.start({ crds: ISTIO_CRDS })
  const server = new URL(api.url)
  const client = new Client({ server, namespace: 'default', tls: () => ({}), bearer: null, title: 'fake' })
  const known = new Map(names.map(name => [name, api.put(route(name))]))
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
  const written = () => api.requests.filter(each => each.verb === 'patch').map(each => each.name)
  return {
    writer,
    written,
    async wrote(count: number): Promise<void> {
      while (written().length < count) await api.nextRequest
    },
    bring: (name: string) => known.set(name, api.get(route(name))),
    reasonOf: (name: string) => /"reason":"(\w+)"/.exec(JSON.stringify(api.get(route(name)).status))?.[1],
  }
}

/** That each of these routes has this status. */
const all = (names: readonly string[], reason = 'Fine') => {
  const status = { conditions: [{ ...conditionOf('gateway.weir/Accepted'), reason }] }
  return new Map(names.map(name => [name, { generation: 1, status }]))
}

test('a status that was written is not written again before the watch has brought it', async t => {
  const { writer, written, wrote } = await writerOf(t, ['a', 'b'])
  writer.want(all(['a']), [])
  await wrote(1)
  writer.want(all(['a', 'b']), [])
  await wrote(2)
  deepEqual(written(), ['a', 'b'])
})

test('a status that should be as it was, before the watch has brought the last one', async t => {
  const { writer, written, wrote, bring, reasonOf } = await writerOf(t, ['a'])
  writer.want(all(['a']), [])
  await wrote(1)
  bring('a')
  writer.want(all(['a'], 'Wrong'), [])
  await wrote(2)
  writer.want(all(['a']), []) // what is known is the first one
  await after(250) // for two looks at it
  bring('a')
  await wrote(3)
  equal(reasonOf('a'), 'Fine')
  deepEqual(written(), ['a', 'a', 'a'])
})

test('statuses that should be others while the last ones are being written', async t => {
  const names = ['a', 'b', 'c']
  const { writer, written, wrote, bring, reasonOf } = await writerOf(t, names)
  writer.want(all(names), [])
  await wrote(1)
  writer.want(all(names, 'Wrong'), [])
  bring('a')
  await wrote(4)
  deepEqual(names.map(reasonOf), ['Wrong', 'Wrong', 'Wrong'])
  deepEqual(written().toSorted(), ['a', 'a', 'b', 'c'])
})
