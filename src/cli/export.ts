/** `weir export`: what a cluster has of weir's resources, as files. */

import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../base/make-folder.ts'
import type { ApiEntry } from '../config/api-objects.ts'
import { writeYaml } from '../config/text/plain-yaml.ts'
import type { Sources } from '../source/files/files.ts'
import { type Env, Exit } from './env.ts'
import { plural } from './live/format.ts'

export type ExportFlags = { readonly dir?: string; readonly secrets: boolean }

/** Objects of the cluster itself. */
const CLUSTER_WIDE = 'cluster'

export function exportObjects({ objects = [] }: Sources, flags: ExportFlags, env: Env): number {
  const { dir, secrets } = flags
  const kept = objects.filter(each => secrets || each.object.kind !== 'Secret')
  if (dir === undefined) {
    env.stdout.write(textOf(kept))
    return Exit.ok
  }
  makeFolder(dir)
  const files = Map.groupBy(kept, each => each.object.metadata.namespace ?? CLUSTER_WIDE)
  for (const [name, all] of files) writeExport(join(dir, `${name}.yaml`), textOf(all), secrets)
  env.stderr.write(`${plural(kept.length, 'resource')} in ${plural(files.size, 'file')} below ${dir}\n`)
  return Exit.ok
}

/** Only its owner may read a file with keys, even if others could read its last version. */
function writeExport(file: string, text: string, hasSecrets: boolean): void {
  if (hasSecrets && existsSync(file)) chmodSync(file, 0o600)
  writeFileSync(file, text, hasSecrets ? { mode: 0o600 } : {})
}

const textOf = (entries: readonly ApiEntry[]): string =>
  entries.map(({ object }) => `---\n${writeYaml(object)}`).join('')
