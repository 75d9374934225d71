/**
 * Learns the server name that a TLS client asks for, if routing depends on it
 * (../../wire/client-hello.ts). All bytes of the hello go on unchanged.
 *
 *   (PostgreSQL: SSLRequest ─▶ 'S')   ClientHello ─▶ isTls, serverName     other bytes ─▶ not TLS
 *
 * No client counts as "without a name" before its hello is complete (CVE-2026-32305). A client that
 * is silent until the timeout, or until its end, counts as one without TLS: if a server takes
 * those, it may wait for the server's first words.
 */

import { Reason } from '../../stats/reasons.ts'
import { Listener, Names } from '../../table/format/routing-layout.ts'
import { asksName, takesPlain, terminatingServer } from '../../table/match/named-scope.ts'
import { HelloReader } from '../../wire/client-hello.ts'
import { Hello } from '../../wire/hello-message.ts'
import { readStartup, STARTUP_HEAD, Startup } from '../../wire/postgres-startup.ts'
import type { Arrival, Hearing } from './arrival.ts'
import { Asked, MORE, type Reader, refusal } from './reader.ts'

/** weir's answer to a client that requests encryption as PostgreSQL's do. */
const YES = 0x53 // 'S'
const NO = 0x4e // 'N'

/** Requests answered before a hello: one for GSSAPI, one for TLS. */
const REQUESTS_BYTES_MAX = 2 * STARTUP_HEAD

export class NameReader implements Reader {
  begin(arrival: Arrival): boolean {
    const { table, query } = arrival
    if (table === null) return false
    const row = query.listener * Listener.WORDS
    if (table.listeners[row + Listener.names] === Names.unheard || !asksName(table, query)) return false
    arrival.readUntilMs = arrival.arrivedMs + table.listeners[row + Listener.readTimeoutMs]
    arrival.hearing = { hello: new HelloReader(), heard: 0, taken: 0, starttls: false }
    return true
  }

  read(arrival: Arrival, bytes: Uint8Array, asked: Asked): number {
    const { table, query, hearing } = arrival
    if (table === null || hearing === null) return refusal(Reason['not-tls'])
    const names = table.listeners[query.listener * Listener.WORDS + Listener.names]
    const isAsking = names === Names.postgres && !hearing.starttls && hearing.heard === hearing.taken
    const answer = isAsking ? answerRequest(arrival, hearing, bytes) : GO_ON
    if (answer === MORE) return unheard(arrival, hearing, bytes, asked)
    return answer === GO_ON ? hear(arrival, hearing, bytes, asked) : answer
  }
}

/** No request: the bytes are for the reader of hellos. */
const GO_ON = Number.NEGATIVE_INFINITY

/** Answers a request for encryption, or classifies the client's bytes. */
function answerRequest(arrival: Arrival, hearing: Hearing, bytes: Uint8Array): number {
  const { taken } = hearing
  switch (readStartup(bytes, taken, bytes.length)) {
    case Startup.more:
      return MORE
    case Startup.sslRequest:
      hearing.starttls = true
      return reply(arrival, hearing, bytes, YES)
    case Startup.gssRequest:
      return reply(arrival, hearing, bytes, NO)
    case Startup.cancel: // names no server, and has nothing that any server would know
      return refusal(Reason['not-tls'])
    case Startup.startup:
      return taken
    default:
      return GO_ON
  }
}

/** Bytes sent before the answer were sent in the clear: they must not pass for TLS. */
function reply(arrival: Arrival, hearing: Hearing, bytes: Uint8Array, answer: number): number {
  hearing.taken += STARTUP_HEAD
  hearing.heard = hearing.taken
  if (bytes.length > hearing.taken || hearing.taken > REQUESTS_BYTES_MAX) return refusal(Reason['not-tls'])
  arrival.reply = answer
  return MORE
}

function hear(arrival: Arrival, hearing: Hearing, bytes: Uint8Array, asked: Asked): number {
  const { hello, heard, taken } = hearing
  const { table, query } = arrival
  const said = hello.read(bytes, heard, bytes.length)
  hearing.heard = bytes.length
  switch (said) {
    case Hello.more:
      return unheard(arrival, hearing, bytes, asked)
    case Hello.whole:
      query.isTls = true
      query.serverName = hello.hints.serverName
      arrival.server = table && terminatingServer(table, query)
      return taken
    case Hello.ssl2: // has no field for a name
      query.isTls = true
      arrival.server = table && terminatingServer(table, query)
      return taken
    case Hello.tooLarge:
      return refusal(Reason['hello-too-large'])
    case Hello.notTls:
      return hearing.starttls ? refusal(Reason['not-tls']) : taken
    default:
      return refusal(Reason['not-tls'])
  }
}

/** More bytes are needed. */
function unheard(arrival: Arrival, { taken, starttls }: Hearing, bytes: Uint8Array, asked: Asked): number {
  const { table, query } = arrival
  if (asked === Asked.bytes) return MORE
  const isSilent = bytes.length === taken && !starttls
  if (isSilent && table !== null && takesPlain(table, query)) return taken
  return refusal(asked === Asked.late ? Reason['hello-timeout'] : Reason['not-tls'])
}
