/**
 * `weir explain`: where a connection would go, and why.
 *
 * A table compiled from files answers (explain-files.ts) or, with --live, a running gateway
 * (live/explain.ts). Only the module in use is loaded.
 */

import { createReadStream } from 'node:fs'
import type { AdminPlace } from '../admin/admin-place.ts'
import type { Sources } from '../source/files/files.ts'
import { askByLine, askByOptions, type QuestionOptions } from '../table/explain/question.ts'
import { type Env, Exit, wantsColours } from './env.ts'
import type { Answer, Answerer } from './explain-files.ts'
import { explanationText } from './explanation-text.ts'
import { linesOf } from './lines-of.ts'
import { NoAnswer } from './live/answered.ts'

export type ExplainFlags = QuestionOptions & {
  readonly batch?: string
  readonly live?: boolean
  readonly admin?: AdminPlace
  readonly output: 'text' | 'json'
}

/** What a line of a batch gets that asks nothing. */
type WrongLine = { readonly error: string; readonly line: number }

/** @param sources  null with --live: the gateway has its own. */
export async function explain(sources: Sources | null, flags: ExplainFlags, env: Env): Promise<number> {
  const asked = flags.batch === undefined ? askByOptions(flags, '--') : null
  if (asked && 'error' in asked) return usage(asked.error, env)
  const answerer = sources ? await filesAnswerer(sources, env) : await liveAnswerer(flags.admin, env)
  if (answerer === null) return Exit.failed
  if (flags.batch !== undefined) return await answerBatch(flags.batch, flags.output, answerer, env)
  const answer = await answerer(askByOptions(flags, '--'), '--gateway')
  if ('error' in answer) return usage(answer.error, env)
  write(answer, flags.output === 'json' ? 2 : 'text', env)
  return Exit.ok
}

async function filesAnswerer(sources: Sources, env: Env): Promise<Answerer | null> {
  const { answererOf } = await import('./explain-files.ts')
  return answererOf(sources, env)
}

async function liveAnswerer(admin: AdminPlace | undefined, env: Env): Promise<Answerer> {
  const [{ clientOf }, { answererOf }] = await Promise.all([
    import('./live/client.ts'),
    import('./live/explain.ts'),
  ])
  return answererOf(clientOf(admin, env))
}

/**
 * One answer per line that is not blank, in the same order; a bad line gets an error in its place.
 */
async function answerBatch(
  file: string,
  output: 'text' | 'json',
  answerer: Answerer,
  env: Env,
): Promise<number> {
  let exitCode: number = Exit.ok
  let number = 0
  const place = file === '-' ? '<stdin>' : file
  const format = output === 'json' ? 0 : 'text'
  try {
    for await (const line of linesOf(file === '-' ? env.stdin : createReadStream(file))) {
      number++
      if (line.trim() === '') continue
      const answer = await answerer(askByLine(line), 'gateway')
      if ('error' in answer) {
        exitCode = Exit.failed
        const { error } = answer
        write(
          output === 'json' ? { error, line: number } : { error: `${place}:${number}: ${error}` },
          format,
          env,
        )
      } else write(answer, format, env)
      await env.stdout.flushed() // waits for a slow reader, so that memory stays bounded
    }
    return exitCode
  } catch (error) {
    if (error instanceof NoAnswer) throw error
    return usage(`--batch ${file}: ${error instanceof Error ? error.message : String(error)}`, env)
  }
}

/** Writes as text, or as JSON with so many spaces of indentation. */
function write(answer: Answer | WrongLine, format: 'text' | number, env: Env): void {
  const colours = wantsColours(env, env.stdout)
  const text = format === 'text' ? explanationText(answer, colours) : JSON.stringify(answer, null, format)
  env.stdout.write(`${text}\n`)
}

function usage(message: string, env: Env): number {
  env.stderr.write(`error: ${message}\n`)
  return Exit.usage
}
