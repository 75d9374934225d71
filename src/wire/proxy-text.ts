/**
 * Version 1 of the PROXY protocol: a line of text (the specification, §2.1).
 *
 *   PROXY TCP4 192.0.2.7 203.0.113.5 56324 443\r\n
 *
 * Parsed strictly: single spaces, no leading zeros, addresses of the announced family. Text after
 * UNKNOWN is ignored up to the end of the line.
 */

import { type Family, formatAddress, parseInto } from '../address/address.ts'
import { hasUnicast, INVALID, MORE, type ProxyHeader } from './proxy-header.ts'

/** With its CRLF. */
const LINE_BYTES_MAX = 107

const PREFIX = ascii('PROXY ')
const CR = 13
const LF = 10

const PORT = /^(?:0|[1-9]\d{0,4})$/
const PORT_MAX = 65535

/**
 * Reads the line at the front of `bytes[from … to)` into `header`, whose families are 0.
 *
 * @returns How many bytes it has, or MORE, or INVALID.
 */
export function readLine(bytes: Uint8Array, from: number, to: number, header: ProxyHeader): number {
  const count = Math.min(to - from, LINE_BYTES_MAX)
  for (let i = 0; i < PREFIX.length && i < count; i++) if (bytes[from + i] !== PREFIX[i]) return INVALID
  for (let i = PREFIX.length; i < count; i++) {
    const byte = bytes[from + i]
    if (byte === LF) return INVALID
    if (byte !== CR) continue
    if (i + 1 === count) return count === LINE_BYTES_MAX ? INVALID : MORE
    if (bytes[from + i + 1] !== LF) return INVALID
    return isRead(latin1(bytes, from + PREFIX.length, from + i), header) ? i + 2 : INVALID
  }
  return count === LINE_BYTES_MAX ? INVALID : MORE
}

/** Writes the line at `at` and returns how many bytes it has, at most LINE_BYTES_MAX. */
export function writeLine(out: Uint8Array, at: number, header: ProxyHeader): number {
  const line = ascii(`PROXY ${describe(header)}\r\n`)
  out.set(line, at)
  return line.length
}

/** A line has one family for both addresses; for two families it can only say UNKNOWN. */
function describe({
  clientFamily,
  client,
  clientPort,
  destinationFamily,
  destination,
  destinationPort,
}: ProxyHeader): string {
  if (clientFamily === 0 || clientFamily !== destinationFamily) return 'UNKNOWN'
  const [from, to] = [client, destination].map(words => formatAddress(clientFamily, words))
  return `TCP${clientFamily} ${from} ${to} ${clientPort} ${destinationPort}`
}

function isRead(line: string, header: ProxyHeader): boolean {
  const words = line.split(' ')
  const [protocol, client, destination, clientPort, destinationPort] = words
  if (protocol === 'UNKNOWN') return true
  if (words.length !== 5 || !PORT.test(clientPort) || !PORT.test(destinationPort)) return false
  const isIPv6 = protocol === 'TCP6'
  if (!isIPv6 && protocol !== 'TCP4') return false
  header.clientFamily = readAddress(client, isIPv6, header.client)
  header.destinationFamily = readAddress(destination, isIPv6, header.destination)
  header.clientPort = Number(clientPort)
  header.destinationPort = Number(destinationPort)
  return (
    header.clientFamily !== 0 &&
    header.destinationFamily !== 0 &&
    header.clientPort <= PORT_MAX &&
    header.destinationPort <= PORT_MAX &&
    hasUnicast(header)
  )
}

/** Only IPv6 is written with colons; a zone is not allowed. */
function readAddress(text: string, isIPv6: boolean, words: Uint32Array): Family | 0 {
  return text.includes(':') === isIPv6 && !text.includes('%') ? parseInto(text, words, 0) : 0
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at])
  return text
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}
