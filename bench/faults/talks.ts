/**
 * What a client says to each kind of server, in its protocol, and how it finds out which of the
 * servers has answered.
 */

export const KINDS = ['nginx', 'redis', 'postgres'] as const
export type Kind = (typeof KINDS)[number]

/** Over new connections, or over one for each client. */
export const SHAPES = ['short', 'pool'] as const
export type Shape = (typeof SHAPES)[number]

export type Talk = {
  /** What is said first on a connection; it is answered once. */
  readonly hello: Buffer | null
  readonly isGreeted: (answer: string) => boolean
  readonly ask: Buffer
  /** The port of the server that has answered; 0: the answer is not whole yet. */
  readonly servedBy: (answer: string) => number
  /**
   * A client's pause between two questions, on average. PostgreSQL forks for each connection and
   * needs some milliseconds of a processor for it; over new ones it is asked as often as leaves
   * two processors half idle.
   */
  readonly pauseMs: Readonly<Record<Shape, number>>
}

/** A message of PostgreSQL: its type, its length with itself, its body. */
function message(type: string, body: string): Buffer {
  const bytes = Buffer.alloc(type.length + 4 + Buffer.byteLength(body))
  bytes.write(type, 0, 'latin1')
  bytes.writeUInt32BE(bytes.length - type.length, type.length)
  bytes.write(body, type.length + 4, 'latin1')
  return bytes
}

const number = (found: RegExpExecArray | null): number => Number(found?.[1] ?? 0)

export const TALKS: Readonly<Record<Kind, Talk>> = {
  nginx: {
    hello: null,
    isGreeted: () => true,
    ask: Buffer.from('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'),
    servedBy: answer => number(/by (\d+)\n$/.exec(answer)),
    pauseMs: { short: 100, pool: 100 },
  },
  redis: {
    hello: null,
    isGreeted: () => true,
    ask: Buffer.from('CONFIG GET port\r\n'),
    servedBy: answer => number(/port\r\n\$\d+\r\n(\d+)\r\n$/.exec(answer)),
    pauseMs: { short: 100, pool: 100 },
  },
  postgres: {
    // StartupMessage of protocol 3.0; ReadyForQuery is Z, its length 5, and I for idle.
    hello: message('', '\0\x03\0\0user\0postgres\0database\0postgres\0\0'),
    isGreeted: answer => answer.endsWith('Z\0\0\0\x05I'),
    ask: message('Q', 'show port\0'),
    servedBy: answer => (answer.endsWith('Z\0\0\0\x05I') ? number(/D[\s\S]{10}(\d+)C/.exec(answer)) : 0),
    pauseMs: { short: 4000, pool: 200 },
  },
}
