/**
 * One health check: connects to an endpoint, says what its kind says, and judges the answer.
 *
 * It ends in order (FIN), so that servers do not log a reset. Only the main thread runs checks.
 */

import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { HealthCheck } from '../../table/plan/health-check.ts'

/** Null: well; else why not, in a few words. */
export type Verdict = string | null

/** What is said first, and how the answer is judged; 'more': it is not whole yet. */
type Talk = {
  readonly send: string
  readonly judge: (answer: string) => Verdict | 'more'
  readonly last?: string
}

/** A server that says more than this, and not what is expected, is not well. */
const ANSWER_MAX = 65_536

/** SSLRequest, which PostgreSQL answers with one byte, and logs nothing of. */
const SSL_REQUEST = '\x00\x00\x00\x08\x04\xd2\x16\x2f'

const UNEXPECTED = 'unexpected answer'

const TALKS: Readonly<Partial<Record<HealthCheck['kind'], Talk>>> = {
  postgres: { send: SSL_REQUEST, judge: answer => oneOf(answer, ['S', 'N']), last: '' },
  // The greeting: 3 bytes of length, a number, and the version of the protocol.
  mysql: {
    send: '',
    judge: answer => (answer.length < 5 ? 'more' : answer[4] === '\x0a' ? null : UNEXPECTED),
  },
  redis: { send: 'PING\r\n', judge: answer => oneOf(answer, ['+PONG', '-NOAUTH']), last: 'QUIT\r\n' },
  smtp: { send: '', judge: answer => oneOf(answer, ['220']), last: 'QUIT\r\n' },
}

/** Calls `done` once, at the latest when the time of the check is up; returns how to give up. */
export function probe(
  { address, port }: { readonly address: string; readonly port: number },
  check: HealthCheck,
  done: (verdict: Verdict) => void,
): () => void {
  const talk = TALKS[check.kind] ?? asWritten(check)
  const socket = open(address, port, check)
  let answer = ''
  let isOver = false
  const end = (verdict: Verdict): void => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    socket.end(verdict === null ? (talk?.last ?? '') : '')
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
    done(verdict)
  }
  const timer = setTimeout(() => end('timeout'), check.timeoutMs)
  socket.on(check.kind === 'tls' ? 'secureConnect' : 'connect', () => {
    if (talk === null) end(null)
    else if (talk.send !== '') socket.write(talk.send, 'latin1')
  })
  socket.on('data', (bytes: Buffer) => {
    if (isOver || talk === null) return
    answer += bytes.toString('latin1')
    const verdict = talk.judge(answer)
    if (verdict !== 'more') end(verdict)
    else if (answer.length > ANSWER_MAX) end(UNEXPECTED)
  })
  socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
  socket.on('close', () => end('closed without an answer'))
  return () => {
    isOver = true
    clearTimeout(timer)
    socket.destroy()
  }
}

/** A server that does not close its side is left alone after this time. */
const LINGER_MS = 1_000

/** Certificates are not looked at: a check asks whether a server is there. */
const open = (host: string, port: number, { kind }: HealthCheck): Socket =>
  kind === 'tls' ? connectTls({ host, port, rejectUnauthorized: false }) : connect({ host, port })

/** Of the kind tcp; null: a connect is all. */
function asWritten({ send, expect }: HealthCheck): Talk | null {
  if (expect === null) return send === '' ? null : { send, judge: () => null }
  const { bytes, isPrefix } = expect
  return {
    send,
    judge: answer => {
      if (isPrefix) return oneOf(answer, [bytes])
      return answer.includes(bytes) ? null : 'more'
    },
  }
}

/** Whether an answer begins with one of these. */
function oneOf(answer: string, wanted: readonly string[]): Verdict | 'more' {
  if (wanted.some(each => answer.startsWith(each))) return null
  return wanted.some(each => each.startsWith(answer)) ? 'more' : UNEXPECTED
}
