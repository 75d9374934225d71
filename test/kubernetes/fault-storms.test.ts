/** Faults of an API server in any order: in the end the table is what the API has. */

import { ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fullOnly, runs } from '../support/full.ts'
import { ApiError } from './fake/errors.ts'
import type { Fault } from './fake/faults.ts'
import { Scene, service } from './scene.ts'

/** Done to the API at once. */
const ACTIONS: Readonly<Record<string, (scene: Scene) => unknown>> = {
  change: scene => scene.change(),
  another: ({ api }) => api.put(service('mongo', 27018)),
  cut: scene => scene.cutAll(true),
  silence: ({ api }) => {
    for (const each of api.watches) each.silence()
  },
  end: ({ api }) => {
    for (const each of api.watches) each.end()
  },
  compact: ({ api }) => api.compact(),
  restart: async ({ api }) => {
    await api.stop()
    await api.listen()
  },
  pass: () => new Promise(resolve => setTimeout(resolve, 20)),
}

/** Met by the next requests. */
const FAULTS: Readonly<Record<string, (times: number) => Fault>> = {
  refused: () => ({ code: 500 }),
  limited: () => ({ code: 429 }),
  gone: () => ({ code: 410 }),
  reset: () => ({ reset: true }),
  half: () => ({ half: true }),
  html: () => ({ body: '<html>' }),
  cutLater: times => ({ stream: { cutAfter: times } }),
  silentLater: times => ({ stream: { silentAfter: times } }),
  twice: () => ({ stream: { twice: true } }),
  expired: () => ({ stream: { error: new ApiError(410, 'Expired', 'too old') } }),
}

const step = fc.oneof(
  fc.constantFrom(...Object.keys(ACTIONS)),
  fc.record({
    fault: fc.constantFrom(...Object.keys(FAULTS)),
    resource: fc.constantFrom('virtualservices', 'services'),
    times: fc.integer({ min: 1, max: 3 }),
  }),
)

test('faults in any order', { skip: fullOnly }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.boolean(), async (steps, hasWatchList) => {
      const closing: (() => Promise<void>)[] = []
      const after = (close: unknown): void => void closing.push(close as () => Promise<void>)
      const scene = await Scene.of({ after }, { hasWatchList })
      try {
        const followed = await scene.follow({ pace: { idleMs: 300, streamMs: 1_000 } })
        for (const each of steps)
          if (typeof each === 'string') await ACTIONS[each](scene)
          else scene.api.inject({ resource: each.resource }, FAULTS[each.fault](each.times), each.times)
        scene.change()
        await followed.equals()
        ok(Math.min(...followed.sizes) >= 8, `${followed.sizes}`)
      } finally {
        for (const close of closing) await close()
      }
    }),
    { numRuns: runs(60) },
  )
})
