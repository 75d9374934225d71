/**
 * `weir why`: what became of a client's connections, and where they would go now, as a running
 * gateway knows it (../why-text.ts has the words).
 */

import type { Explanation } from '../../table/explain/explanation.ts'
import { type Env, Exit } from '../env.ts'
import { type EndedOne, type Now, type OpenOne, questionOf, whyText } from '../why-text.ts'
import { NoAnswer, NoGateway } from './answered.ts'
import type { Client } from './client.ts'

export type WhyFlags = {
  readonly client: string
  readonly limit: number
  readonly output: 'text' | 'json'
}

type One = OpenOne | EndedOne

const ELSEWHERE = 'an access log knows more: --log FILE'

export async function why(
  client: Client,
  { client: who, limit, output }: WhyFlags,
  env: Env,
): Promise<number> {
  const answers = await answersOf(client, who, limit).catch(withCure)
  if (answers.length === 0) {
    env.stderr.write(`${who}: no open connection, and none among the last that ended (${ELSEWHERE})\n`)
    return Exit.failed
  }
  if (output === 'json')
    env.stdout.write(
      answers
        .map(({ connection, now }) => ({ connection, now: typeof now === 'string' ? null : now }))
        .map(each => `${JSON.stringify(each)}\n`)
        .join(''),
    )
  else env.stdout.write(answers.map(each => whyText(each.connection, each.now, env)).join('\n'))
  return Exit.ok
}

/** Of a gateway that has ended, the log is what is left. */
function withCure(error: unknown): never {
  if (error instanceof NoGateway) throw new NoAnswer(`${error.message} (${ELSEWHERE})`)
  throw error
}

const PAGE = 1_000

/**
 * Open ones first, then the latest that ended. The open ones are asked for first, so that none that
 * ends meanwhile is missed; it counts as ended.
 */
export async function answersOf(client: Client, who: string, limit: number) {
  const query = { client: who, limit: Math.min(limit, PAGE) }
  const { connections: open } = await client.get<{ connections: OpenOne[] }>('/connections', query)
  const { connections: ended } = await client.get<{ connections: EndedOne[] }>('/connections/ended', query)
  const over = new Set(ended.map(nameOf))
  const found: One[] = [...open.filter(each => !over.has(nameOf(each))), ...ended].slice(0, limit)
  const ask = askerOf(client)
  const answers = []
  for (const connection of found) answers.push({ connection, now: await nowOf(ask, connection) })
  return answers
}

const nameOf = ({ id, client }: One): string => `${id} ${client}`

type Asker = (query: Readonly<Record<string, string | undefined>>) => Promise<Explanation>

/** Many connections of a client ask the same. */
function askerOf(client: Client): Asker {
  const known = new Map<string, Promise<Explanation>>()
  return query => {
    const key = JSON.stringify(query)
    const answer = known.get(key) ?? client.get<Explanation>('/explain', query)
    known.set(key, answer)
    return answer
  }
}

async function nowOf(ask: Asker, connection: One): Promise<Now> {
  const [gateway] = (connection.listener ?? '').split(' ')
  const question = questionOf(connection, gateway)
  if (typeof question === 'string') return question
  return await ask(question).catch(whyNot)
}

/** The gateway that accepted it may be gone from the files. */
function whyNot(error: unknown): string {
  if (error instanceof NoAnswer && error.exitCode === Exit.usage) return error.message
  throw error
}
