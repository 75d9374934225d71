/** `weir check`: reports every finding of a configuration in one run. */

import { isStrict } from '../config/findings/codes.ts'
import type { Diagnostic } from '../config/findings/diagnostic.ts'
import { renderJson, renderText } from '../config/findings/render.ts'
import { loadConfig } from '../config/load.ts'
import { LoadMemory } from '../config/load-memory.ts'
import { withoutSecrets } from '../config/text/secret-text.ts'
import { bytesOf, MANY_BYTES, prepareDocuments } from '../control/compile/prepare-documents.ts'
import { openPortsFrom } from '../control/workers/machine-limits.ts'
import { inspect } from '../source/credentials/credentials.ts'
import { readSources, type SourceFile, type Sources } from '../source/files/files.ts'
import { type Env, Exit, wantsColours } from './env.ts'

export type CheckFlags = {
  readonly output: 'text' | 'json'
  readonly strict: boolean
  /** Show the status of Gateway API's resources instead, and findings beside it. */
  readonly status: boolean
}

export async function check(
  sources: Sources,
  { output, strict, status }: CheckFlags,
  env: Env,
): Promise<number> {
  const { files, unread } = readSources(sources)
  const memory = new LoadMemory()
  if (bytesOf(files) >= MANY_BYTES && env.stderr.isTTY)
    env.stderr.write(`${sizeText(files)}: this takes some seconds\n`)
  await prepareDocuments(files, memory.documents, null)
  const lint = { notes: true, openPortsFrom: openPortsFrom() }
  const loaded = loadConfig(files, {
    names: new Map(),
    memory,
    lint,
    unread,
    from: sources.paths[0],
    routeTests: true,
    inspect,
    objects: sources.objects,
  })
  const diagnostics = loaded.diagnostics.map(found => asJudged(found, strict))
  const colours = wantsColours(env, env.stdout)
  const report =
    output === 'json'
      ? renderJson(diagnostics)
      : renderText(diagnostics, { sourceOf: sourcesOf(files), colours })
  if (status) env.stdout.write(`${JSON.stringify(loaded.statuses, null, 2)}\n`)
  const told = status ? env.stderr : env.stdout
  told.write(`${report}\n`)
  return diagnostics.some(each => each.severity === 'error') ? Exit.failed : Exit.ok
}

/**
 * A check that read nothing fails: a pipeline that names the wrong folder must not be green. With
 * --strict, cross-resource warnings count as errors.
 */
function asJudged(found: Diagnostic, strict: boolean): Diagnostic {
  const isError = found.code === 'CFG014' || (strict && found.severity === 'warning' && isStrict(found.code))
  return isError ? { ...found, severity: 'error' } : found
}

/** "reads 100 files, 18.0 MB", for a person who waits longer than a second. */
function sizeText(files: readonly SourceFile[]): string {
  const megabytes = (bytesOf(files) / 1e6).toFixed(1)
  return `reads ${files.length} file${files.length === 1 ? '' : 's'}, ${megabytes} MB`
}

/** The text of each file, to show a finding's line; nothing of Secrets. */
export function sourcesOf(files: readonly SourceFile[]): (file: string) => string | undefined {
  const byName = new Map(files.map(each => [each.file, each.bytes]))
  return file => {
    const bytes = byName.get(file)
    const isText = bytes !== undefined && !(bytes instanceof Error)
    return isText ? withoutSecrets(new TextDecoder().decode(bytes)) : undefined
  }
}
