/**
 * Bearer tokens: a text, a file that is replaced while weir runs, or the answer of a program.
 *
 * A token file is read again after a minute, as client-go does, and after a 401. A program (an exec
 * plugin) is run again when its token expires, and after a 401 (client.authentication.k8s.io/v1).
 */

import type { ExecFileException } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { monotonicMs, wallNowMs } from '../../base/clock.ts'

/** A token file is read at most this often (client-go, transport/token_source.go). */
const FILE_MS = 60_000
/** A program's token is replaced this long before it expires. */
const EARLY_MS = 10_000
const PROGRAM_MS_MAX = 60_000
const PROGRAM_BYTES_MAX = 1_048_576
/** Of what a program that failed has printed, in characters. */
const WORDS_MAX = 200

export type Bearer = {
  /** The token to send; '': none, and a client certificate may have come instead. */
  token(): Promise<string>
  /** The server has refused the last one. */
  refused(): void
}

export const bearerOfText = (text: string): Bearer => ({ token: async () => text, refused: () => {} })

export function bearerOfFile(file: string): Bearer {
  let token = ''
  let readMs = Number.NEGATIVE_INFINITY
  return {
    token: async () => {
      const nowMs = monotonicMs()
      if (nowMs - readMs < FILE_MS) return token
      token = readFileSync(file, 'utf8').trim()
      readMs = nowMs
      return token
    },
    refused: () => {
      readMs = Number.NEGATIVE_INFINITY
    },
  }
}

/** A program that prints an ExecCredential, as kubeconfig names it. */
type Program = {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly apiVersion: string
  readonly installHint: string
}

export type ProgramCredential = {
  readonly token: string
  readonly cert: string
  readonly key: string
  /** Milliseconds since 1970; null: it does not expire. */
  readonly expiresMs: number | null
}

/** @param onCredential  Called with each new one: it may hold a client certificate. */
export function bearerOfProgram(
  program: Program,
  onCredential: (credential: ProgramCredential) => void,
): Bearer {
  let running: Promise<ProgramCredential> | null = null
  let known: ProgramCredential | null = null
  const ask = async (): Promise<ProgramCredential> => {
    known = await runProgram(program)
    onCredential(known)
    return known
  }
  const isFresh = ({ expiresMs }: ProgramCredential): boolean =>
    expiresMs === null || wallNowMs() < expiresMs - EARLY_MS
  return {
    token: async () => {
      if (known && isFresh(known)) return known.token
      running ??= ask().finally(() => {
        running = null
      })
      return (await running).token
    },
    refused: () => {
      known = null
    },
  }
}

async function runProgram({ command, args, env, apiVersion, installHint }: Program) {
  const { execFile } = await import('node:child_process')
  const info = { apiVersion, kind: 'ExecCredential', spec: { interactive: false } }
  const variables = { ...process.env, ...env, KUBERNETES_EXEC_INFO: JSON.stringify(info) }
  const options = { env: variables, timeout: PROGRAM_MS_MAX, maxBuffer: PROGRAM_BYTES_MAX }
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  execFile(command, [...args], options, (error, stdout, stderr) => {
    if (error === null) resolve(stdout)
    else if (error.code === 'ENOENT')
      reject(new Error(`there is no program ${command}. ${installHint}`.trim()))
    else reject(new Error(`${command} gave no credentials: ${endingOf(error, stderr)}`))
  })
  return readCredential(await promise, command)
}

/** How it ended, and its first words; not its arguments, which may have a secret. */
function endingOf({ code, signal, killed }: ExecFileException, stderr: string): string {
  const slow = killed ? 'it was ended after a minute' : null
  const how =
    typeof code === 'string' ? code : (slow ?? (signal ? `killed by ${signal}` : `exit code ${code}`))
  const [words] = stderr.trim().split('\n')
  return words === '' ? how : `${how}: ${words.slice(0, WORDS_MAX)}`
}

function readCredential(text: string, command: string): ProgramCredential {
  let status: Readonly<Record<string, unknown>>
  try {
    status = Object(JSON.parse(text).status)
  } catch {
    throw new Error(`${command} printed no ExecCredential`)
  }
  const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
  const expires = Date.parse(textOf(status.expirationTimestamp))
  return {
    token: textOf(status.token),
    cert: textOf(status.clientCertificateData),
    key: textOf(status.clientKeyData),
    expiresMs: Number.isNaN(expires) ? null : expires,
  }
}
