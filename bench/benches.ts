/** Which benches there are. A new one is one more row here. */

import { benchCompile } from './compile.ts'
import { benchEngines } from './engines.ts'
import type { Bench } from './harness.ts'
import { benchLookup } from './lookup.ts'

export type BenchRow = {
  readonly name: string
  /** One line: what it answers. */
  readonly about: string
  readonly run: (bench: Bench) => void | Promise<void>
  /** Whether it runs only when it is named. */
  readonly onlyByName?: boolean
}

export const BENCHES: readonly BenchRow[] = [
  {
    name: 'lookup',
    about: 'what finding a prefix, a rule and a destination costs, and how that grows',
    run: benchLookup,
  },
  {
    name: 'compile',
    about: 'whether reading a large configuration holds back the health check',
    run: benchCompile,
  },
  {
    name: 'engines',
    about: 'weir’s engines beside HAProxy, nginx, Node’s own sockets and no proxy',
    run: benchEngines,
  },
]
