/** One gateway with everything on its page, for all tests of a process that only read it. */

import { after, type TestContext } from 'node:test'
import { ask } from '../control/scene.ts'
import { behindAt, likeAt, peer } from './fleet-kit.ts'
import { furnished } from './page-kit.ts'
import { times } from './routes-kit.ts'
import { type Scene, scene, talking } from './scene.ts'

const ends: (() => unknown)[] = []
const whole = { after: (end: () => unknown) => void ends.push(end) } as TestContext
after(async () => {
  for (const end of ends) await end()
})

let shown: Promise<Scene> | null = null
/** 63 rules, one of them split, a fleet of four, a connection that is open and 50 that ended. */
export function furnishedScene(): Promise<Scene> {
  const fleet = ['127.0.0.1:1']
  shown ??= scene(whole, furnished(60), 'auto', { fleet }).then(async where => {
    const peers = [likeAt, behindAt].map(each => peer(whole, each(where.where.port)))
    fleet.push(...(await Promise.all(peers)).map(each => each.place))
    await times(50, () => ask(where.port))
    await talking(whole, where.port)
    return where
  })
  return shown
}
