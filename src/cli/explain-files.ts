/**
 * Answers `weir explain` from files: compiles them as for serving, and asks the table
 * (table/explain/explain.ts).
 */

import { chooseGateway } from '../config/choose-gateway.ts'
import { renderText } from '../config/findings/render.ts'
import { type LoadedResource, loadConfig } from '../config/load.ts'
import { inspect } from '../source/credentials/credentials.ts'
import { readSources, type Sources } from '../source/files/files.ts'
import { buildTable } from '../table/build/builder.ts'
import { Explainer } from '../table/explain/explain.ts'
import type { Explanation } from '../table/explain/explanation.ts'
import type { Asked } from '../table/explain/question.ts'
import { openTable, type Table } from '../table/format/table.ts'
import { sourcesOf } from './check.ts'
import { type Env, wantsColours } from './env.ts'

export type Answer = Explanation | { readonly error: string }
/** @param option  How the caller names the gateway: '--gateway', or a field. */
export type Answerer = (asked: Asked, option: '--gateway' | 'gateway') => Answer | Promise<Answer>

/** Answers from files; null, with the findings on stderr, if they have errors or no resource. */
export function answererOf(sources: Sources, env: Env): Answerer | null {
  const loaded = loadTable(sources, env)
  if (loaded === null) return null
  const { table, resources } = loaded
  const explainer = new Explainer(table)
  return (asked, option) => {
    if ('error' in asked) return asked
    const chosen = chooseGateway(table, resources, asked.question.gateway, option)
    return 'error' in chosen ? chosen : explainer.answer({ ...asked.question, ...chosen })
  }
}

/** What an answer cannot say: text that was not read, and certificates that are missing. */
const TOLD = ['CFG015', 'CFG501', 'CFG502']

type Loaded = { readonly table: Table; readonly resources: readonly LoadedResource[] }

/**
 * The table of these files; null, with the findings on stderr, if they have errors or no resource.
 */
export function loadTable(sources: Sources, env: Env): Loaded | null {
  const { files, unread } = readSources(sources)
  const { plan, diagnostics, resources } = loadConfig(files, {
    names: new Map(),
    unread,
    from: sources.paths[0],
    inspect,
    objects: sources.objects,
  })
  const isUsable = plan !== null && resources.length > 0
  const told = isUsable ? diagnostics.filter(each => TOLD.includes(each.code)) : diagnostics
  const colours = wantsColours(env, env.stderr)
  if (told.length > 0) env.stderr.write(`${renderText(told, { sourceOf: sourcesOf(files), colours })}\n`)
  return isUsable ? { table: openTable(buildTable(plan, 1, () => 0)), resources } : null
}
