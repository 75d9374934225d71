/**
 * `weir explain`: where a connection would go, and why.
 *
 * The configuration is compiled as for serving, and the table itself answers (table/explain.ts); with --live it is
 * that of a running gateway.
 */

import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { loadConfig } from '../config/load.ts'
import { renderText } from '../config/render.ts'
import { readFiles, type Sources } from '../control/files.ts'
import { formatEndpoint } from '../net/address.ts'
import { buildTable } from '../table/builder.ts'
import { Explainer, type Explanation } from '../table/explain.ts'
import { ambiguity } from '../table/find-listener.ts'
import { type Asked, askByLine, askByOptions, type QuestionOptions } from '../table/question.ts'
import { openTable, type Table } from '../table/table.ts'
import type { AdminPlace } from './admin-place.ts'
import { sourcesOf } from './check.ts'
import { type Env, Exit, wantsColours } from './env.ts'
import { explanationText } from './explanation-text.ts'
import { type Client, clientOf, NoAnswer } from './live/client.ts'

export type ExplainFlags = QuestionOptions & {
  readonly batch?: string
  readonly live?: boolean
  readonly admin?: AdminPlace
  readonly output: 'text' | 'json'
}

type Answer = Explanation | { readonly error: string }
type Answerer = (asked: Asked) => Answer | Promise<Answer>

/** @param sources  null with --live: the gateway has its own. */
export async function explain(sources: Sources | null, flags: ExplainFlags, env: Env): Promise<number> {
  const asked = flags.batch === undefined ? askByOptions(flags, '--') : null
  if (asked && 'error' in asked) return usage(asked.error, env)
  const answerer = sources ? answererOf(load(sources, env)) : liveAnswerer(clientOf(flags.admin, env))
  if (answerer === null) return Exit.failed
  if (flags.batch !== undefined) return await answerBatch(flags.batch, flags.output, answerer, env)
  const answer = await answerer(askByOptions(flags, '--'))
  if ('error' in answer) return usage(answer.error, env)
  write(answer, flags.output === 'json' ? 2 : 'text', env)
  return Exit.ok
}

/** The table of the configuration; null, with the findings on stderr, where it has errors. */
function load(sources: Sources, env: Env): Table | null {
  const files = readFiles(sources)
  const { plan, diagnostics } = loadConfig(files, { names: new Map() })
  if (plan) return openTable(buildTable(plan, 1, () => 0))
  const colours = wantsColours(env, env.stderr)
  env.stderr.write(`${renderText(diagnostics, { sourceOf: sourcesOf(files), colours })}\n`)
  return null
}

function answererOf(table: Table | null): Answerer | null {
  if (table === null) return null
  const explainer = new Explainer(table)
  return asked => {
    if ('error' in asked) return asked
    const error = ambiguity(table, asked.question.gateway)
    return error === null ? explainer.answer(asked.question) : { error }
  }
}

/** Asks a running gateway. A question that it does not take is told as one of a batch would be. */
function liveAnswerer(client: Client): Answerer {
  return async asked => {
    if ('error' in asked) return asked
    const { gateway, source, destination, sni } = asked.question
    const { ip = '', port } = destination
    const labels = source.labels && Object.entries(source.labels).map(pair => pair.join('='))
    const query = { gateway, to: formatEndpoint(ip, port), from: source.ip, namespace: source.namespace, sni }
    try {
      return await client.get<Explanation>('/explain', { ...query, labels: labels?.join(',') })
    } catch (error) {
      if (error instanceof NoAnswer && error.exitCode === Exit.usage) return { error: error.message }
      throw error
    }
  }
}

/** One answer for each line that is not blank, in the same order; a bad line is told in its place. */
async function answerBatch(
  file: string,
  output: 'text' | 'json',
  answerer: Answerer,
  env: Env,
): Promise<number> {
  let exitCode: number = Exit.ok
  try {
    for await (const line of linesOf(file === '-' ? env.stdin : createReadStream(file))) {
      if (line.trim() === '') continue
      const answer = await answerer(askByLine(line))
      if ('error' in answer) exitCode = Exit.failed
      write(answer, output === 'json' ? 0 : 'text', env)
      await env.stdout.flushed() // a slow reader holds back, and no pile grows
    }
    return exitCode
  } catch (error) {
    if (error instanceof NoAnswer) throw error
    return usage(`--batch ${file}: ${error instanceof Error ? error.message : String(error)}`, env)
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const failed = Promise.withResolvers<never>()
  stream.once('error', failed.reject)
  failed.promise.catch(() => {})
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })[
    Symbol.asyncIterator
  ]()
  for (;;) {
    const next = await Promise.race([lines.next(), failed.promise])
    if (next.done) return
    yield next.value
  }
}

/** Writes as text, or as JSON with so many spaces of indentation. */
function write(answer: Answer, format: 'text' | number, env: Env): void {
  const colours = wantsColours(env, env.stdout)
  const text = format === 'text' ? explanationText(answer, colours) : JSON.stringify(answer, null, format)
  env.stdout.write(`${text}\n`)
}

function usage(message: string, env: Env): number {
  env.stderr.write(`error: ${message}\n`)
  return Exit.usage
}
