/** A gateway, and `ask`, which asks it by a command: `ask('status')`. */

import type { TestContext } from 'node:test'
import { scene } from '../admin/scene.ts'
import { routing } from '../control/scene.ts'
import { weir } from './kit.ts'

export async function gateway(t: TestContext, text = routing) {
  const served = await scene(t, text)
  const admin = `127.0.0.1:${served.where.port}`
  const ask = (...words: string[]) => weir([...words, '--admin', admin])
  return { ...served, admin, ask }
}
