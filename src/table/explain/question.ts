/**
 * A question about a connection: from options of the command line or a query, or from a line of a
 * batch.
 */

import { parseAddress, splitEndpoint } from '../../address/address.ts'
import type { Question } from './explanation.ts'

/** A question that may leave the gateway open (config/choose-gateway.ts). */
type OpenQuestion = Omit<Question, 'gateway'> & { readonly gateway: string | null }

/** A question, or a message why it is none. */
export type Asked = { readonly question: OpenQuestion } | { readonly error: string }

export type QuestionOptions = {
  readonly gateway?: string
  readonly from?: string
  readonly to?: string
  readonly peer?: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly sni?: string
  readonly identity?: string
}

/**
 * @param dashes  The prefix of an option's name: '--' on the command line.
 */
export function askByOptions(
  { gateway, from, to, peer, namespace, labels, sni, identity }: QuestionOptions,
  dashes: '--' | '',
): Asked {
  if (to === undefined)
    return { error: `say with ${dashes}to where the client connects to, like 10.0.0.1:9000` }
  const destination = splitEndpoint(to) ?? (/^:\d{1,5}$/.test(to) ? { port: Number(to.slice(1)) } : null)
  if (!destination) return { error: `${dashes}to ${to}: that is not an address and port, like 10.0.0.1:9000` }
  const source = from === undefined ? {} : splitEndpoint(from)
  if (!source) return { error: `${dashes}from ${from}: that is not an IP address` }
  const sender = peer === undefined ? undefined : splitEndpoint(peer)
  if (sender === null) return { error: `${dashes}peer ${peer}: that is not an IP address` }
  const given = {
    gateway,
    peer: sender?.address,
    source: { ip: 'address' in source ? source.address : undefined, namespace, labels },
    destination: { ip: 'address' in destination ? destination.address : undefined, port: destination.port },
    sni,
    identity,
  }
  const words = {
    gateway: `${dashes}gateway`,
    sni: `${dashes}sni`,
    identity: `${dashes}identity`,
    from: `${dashes}from ${from}: that`,
    peer: `${dashes}peer ${peer}: that`,
    namespace: `${dashes}namespace`,
    labels: `${dashes}labels`,
    to: `${dashes}to ${to}: that`,
    port: `the port of ${dashes}to ${to}`,
  }
  return asked(given, words, null)
}

/**
 * `{"gateway", "source": {"ip", "namespace", "labels"}, "peer", "destination": {"ip", "port"},
 * "sni", "identity"}`; null means absent, and the default gateway is the mesh.
 */
export function askByLine(line: string): Asked {
  try {
    const given = JSON.parse(line, (_, value) => value ?? undefined)
    return asked(given, FIELDS, 'mesh')
  } catch {
    return { error: 'the line is not JSON' }
  }
}

/** "app=web,tier=front" as labels, or null. */
export function parseLabels(text: string): Record<string, string> | null {
  if (text === '') return {}
  const pairs = text.split(',').map(pair => /^([^=]+)=(.*)$/.exec(pair))
  return pairs.every(pair => pair !== null)
    ? Object.fromEntries(pairs.map(([, key, value]) => [key, value]))
    : null
}

/** The caller's names for the parts of a question. */
type Words = Readonly<
  Record<'gateway' | 'from' | 'peer' | 'namespace' | 'labels' | 'to' | 'port' | 'sni' | 'identity', string>
>

/** In a line of a batch. */
const FIELDS: Words = {
  gateway: 'gateway',
  from: 'source.ip',
  namespace: 'source.namespace',
  labels: 'source.labels',
  to: 'destination.ip',
  port: 'destination.port',
  peer: 'peer',
  sni: 'sni',
  identity: 'identity',
}

/** @param byDefault  The default gateway; null leaves it open. */
function asked(value: unknown, words: Words, byDefault: string | null): Asked {
  const { gateway, source = {}, destination, peer, sni, identity } = asRecord(value)
  const { ip: from, namespace, labels } = asRecord(source)
  const { ip: to, port } = asRecord(destination)
  const wrong = [
    isRecord(value) || 'the line is not a JSON object',
    gateway === undefined || isText(gateway) || `${words.gateway} is no text`,
    isRecord(source) || 'source is not an object',
    isAddress(from) || `${words.from} is not an IP address`,
    namespace === undefined || (isText(namespace) && namespace !== '') || `${words.namespace} is no name`,
    labels === undefined || isLabels(labels) || `${words.labels} is no object of texts`,
    isAddress(to) || `${words.to} is not an IP address`,
    isAddress(peer) || `${words.peer} is not an IP address`,
    isPort(port) || `${words.port} is no number from 1 to 65535`,
    sni === undefined || isText(sni) || `${words.sni} is no text`,
    identity === undefined || (isText(identity) && identity !== '') || `${words.identity} is no name`,
  ].filter(each => each !== true)
  if (wrong.length > 0) return { error: wrong.join('; ') }
  const question = {
    gateway: gateway ?? byDefault,
    source: defined({ ip: from, namespace, labels }),
    destination: defined({ ip: to, port }),
  }
  return { question: defined({ ...question, peer, sni, identity }) as OpenQuestion }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const asRecord = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {})
const isText = (value: unknown): value is string => typeof value === 'string'
const isLabels = (value: unknown): boolean => isRecord(value) && Object.values(value).every(isText)
const isAddress = (value: unknown): boolean =>
  value === undefined || (isText(value) && parseAddress(value) !== null)
const isPort = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65535

/** Drops undefined entries, which mean the same as absent fields. */
const defined = <T extends object>(value: T): Partial<T> =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Partial<T>
