/** Answers `weir explain` from files, which are compiled as for serving: the table itself answers (table/explain.ts). */

import { loadConfig } from '../config/load.ts'
import { renderText } from '../config/render.ts'
import { readSources, type Sources } from '../control/files.ts'
import { buildTable } from '../table/builder.ts'
import { Explainer, type Explanation } from '../table/explain.ts'
import { ambiguity } from '../table/find-listener.ts'
import type { Asked } from '../table/question.ts'
import { openTable, type Table } from '../table/table.ts'
import { sourcesOf } from './check.ts'
import { type Env, wantsColours } from './env.ts'

export type Answer = Explanation | { readonly error: string }
export type Answerer = (asked: Asked) => Answer | Promise<Answer>

/** Answers from files; null, with the findings on stderr, where they have errors or no resource. */
export function answererOf(sources: Sources, env: Env): Answerer | null {
  const table = load(sources, env)
  if (table === null) return null
  const explainer = new Explainer(table)
  return asked => {
    if ('error' in asked) return asked
    const error = ambiguity(table, asked.question.gateway)
    return error === null ? explainer.answer(asked.question) : { error }
  }
}

function load(sources: Sources, env: Env): Table | null {
  const { files, unread } = readSources(sources)
  const { plan, diagnostics, resources } = loadConfig(files, { names: new Map(), unread })
  const isUsable = plan !== null && resources.length > 0
  const told = isUsable ? diagnostics.filter(each => each.code === 'CFG015') : diagnostics
  const colours = wantsColours(env, env.stderr)
  if (told.length > 0) env.stderr.write(`${renderText(told, { sourceOf: sourcesOf(files), colours })}\n`)
  return isUsable ? openTable(buildTable(plan, 1, () => 0)) : null
}
