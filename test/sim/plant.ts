/**
 * Runs seeds with one bug planted until one shows it:  node test/sim/plant.ts NUMBER SEEDS [FROM]
 *
 * Prints `found` with how many it took and what was seen, or `not found`. A process of its own,
 * since what is loaded stays loaded.
 */

import { registerHooks } from 'node:module'
import { PLANTED } from './planted.ts'

const [number, seeds, from = 1] = process.argv.slice(2).map(Number)
const { file, was, is } = PLANTED[number]
let planted = 0

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(`/src/${file}`)) return loaded
    const text = String(loaded.source)
    planted += text.split(was).length - 1
    return { ...loaded, source: text.replace(was, is) }
  },
})

const { run } = await import('./run.ts')
if (planted !== 1) throw new Error(`${file} has ${planted} places to plant in`)
let found = ''
for (let tried = 1; tried <= seeds && found === ''; tried++) {
  const { bug } = run(BigInt(from + tried - 1))
  if (bug !== '') found = `found ${tried} ${bug.split('\n')[0]}`
}
console.log(found || 'not found')
