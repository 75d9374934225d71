/**
 * `weir version`: what a report of a fault should say about weir and its machine.
 *
 *   weir 0.1.0
 *     runs from    dist
 *     Node         26.10.0, OpenSSL 3.5.4
 *     system       Linux 6.12.3, x64, 2 processors
 *     engine       uring (io_uring works here)
 *     connections  up to 524 160
 */

import { getCompileCacheDir } from 'node:module'
import { arch, availableParallelism, release, type } from 'node:os'
import process from 'node:process'
import { DEFAULT_SETTINGS } from '../../config/settings/settings.ts'
import { chooseEngine } from '../../control/workers/choose-engine.ts'
import { connectionsFor } from '../../control/workers/machine-limits.ts'
import { type Env, Exit } from '../env.ts'
import { countText, plural } from '../live/format.ts'
import { versionOf } from '../version.ts'

/** What `weir run` would find, without Settings. */
export function version(output: 'text' | 'json', env: Env): number {
  const facts = factsOf()
  env.stdout.write(output === 'json' ? `${JSON.stringify(facts, null, 2)}\n` : textOf(facts))
  return Exit.ok
}

function factsOf() {
  const { engine, why } = chooseEngine('auto')
  return {
    version: versionOf(),
    runsFrom: import.meta.url.endsWith('.ts') ? 'src' : 'dist',
    node: { version: process.versions.node, path: process.execPath, openssl: process.versions.openssl },
    system: { name: type(), release: release(), arch: arch(), processors: availableParallelism() },
    engine: { name: engine, why },
    maxConnections: connectionsFor(DEFAULT_SETTINGS),
    compileCache: getCompileCacheDir() ?? null,
  }
}

function textOf({
  version,
  runsFrom,
  node,
  system,
  engine,
  maxConnections,
  compileCache,
}: ReturnType<typeof factsOf>): string {
  const rows = [
    ['runs from', runsFrom],
    ['Node', `${node.version}, OpenSSL ${node.openssl}, at ${node.path}`],
    ['system', `${system.name} ${system.release}, ${system.arch}, ${plural(system.processors, 'processor')}`],
    ['engine', `${engine.name} (${engine.why})`],
    ['connections', `up to ${countText(maxConnections)}`],
    ['cache', compileCache ?? 'none: each start compiles'],
  ]
  return [`weir ${version}`, ...rows.map(([name, text]) => `  ${name.padEnd(13)}${text}`), ''].join('\n')
}
