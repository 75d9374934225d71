/**
 * `tls`: what it costs to end TLS, beside HAProxy and nginx: new connections with full and resumed
 * handshakes, requests over kept connections, bulk both ways, and the memory of an idle connection.
 *
 * Each proxy is a process with one busy thread and a listener for each kind of certificate
 * (tls/contenders.ts). All clients offer the same key exchange, since proxies prefer different ones
 * and their cost differs (TLS 1.3 with ML-KEM is measured by itself). The load's clients cost more
 * than the proxy does, so the figures are the CPU of the proxy's process.
 */

import { recordAims } from './engines/aims.ts'
import { type Contender, WEIR, WEIR_EPOLL } from './engines/contenders.ts'
import { recordWork } from './engines/record.ts'
import { Running, type Target } from './engines/running.ts'
import { type Axis, measure } from './engines/samples.ts'
import type { Bench } from './harness.ts'
import { freePort } from './load/free-port.ts'
import type { Generator } from './load/generator.ts'
import { askOnce, drop } from './load/idle.ts'
import type { TlsTerms } from './load/job.ts'
import { withLoad } from './load/scene.ts'
import { connectTls, contextOf } from './load/tls-client.ts'
import { measureIdle } from './memory/idle.ts'
import { KINDS, makeCertificates, missingOpenssl } from './tls/certificates.ts'
import { contenderFor, NAMES } from './tls/contenders.ts'

const CLIENTS = 16
/** Twice before: V8 compiles for the first 2 000 handshakes or so. */
const WARM_UPS = 2
const ROUND_MS = 200
const STREAMS = 2
const GROUPS = 'X25519:P-256'
const HYBRID = 'X25519MLKEM768'
/** Of the better peer's CPU. */
const GOAL = 1

export const benchTls = (bench: Bench): Promise<void> =>
  withLoad(bench, async (generator, folder) => {
    const why = missingOpenssl()
    if (why !== '') {
      bench.say(`left out, since ${why}`)
      return
    }
    makeCertificates(folder)
    const present = await presentOf(bench)
    await measureLoads(bench, generator, folder, present)
    await measureIdle(
      bench,
      present.map(({ contender }) => contender),
      generator.port,
      folder,
      { connectTo: port => connectTls(port, context), what: 'idle connections over TLS 1.3' },
    )
  })

const USUAL: TlsTerms = { version: 'TLSv1.3', groups: GROUPS, resumes: false }
const context = contextOf(USUAL)

type Present = { readonly contender: Contender; readonly more: readonly number[] }

/** Those that can run here; the others are named. */
async function presentOf(bench: Bench): Promise<readonly Present[]> {
  const found: Present[] = []
  for (const name of NAMES) {
    const more = await Promise.all(KINDS.slice(1).map(() => freePort()))
    const contender = contenderFor(name, more)
    const why = contender.missing()
    if (why === '') found.push({ contender, more })
    else bench.say(`${name} is left out: ${why}`)
  }
  return found
}

async function measureLoads(
  bench: Bench,
  generator: Generator,
  folder: string,
  present: readonly Present[],
): Promise<void> {
  await using proxies = new AsyncDisposableStack()
  /** By kind of certificate. */
  const targets: Target[][] = KINDS.map(() => [])
  for (const { contender, more } of present) {
    const running = proxies.use(await Running.start(contender, generator.port, folder, relaysTls))
    for (const [index, list] of targets.entries())
      list.push(running.at(contender.name, index === 0 ? running.port : more[index - 1]))
  }
  const work = async (axis: Axis, among: readonly Target[]): Promise<void> => {
    const samples = await measure(bench, generator, among, axis, {
      rounds: bench.parameter(1, 5),
      warmUps: bench.parameter(0, WARM_UPS),
    })
    recordWork(bench, axis, samples)
    for (const name of [WEIR, WEIR_EPOLL]) recordAims(bench, name, axis, samples, { cpu: GOAL })
  }
  const handshakes = HANDSHAKES.map(each => ({ ...each, axis: handshakesOf(bench, each) }))
  for (const { axis, kind } of handshakes) await work(axis, targets[kind])
  const ofWeir = targets[0].filter(({ name }) => name === WEIR || name === WEIR_EPOLL)
  await work(handshakesOf(bench, HYBRID_HANDSHAKE), ofWeir)
  const rest = [requests(bench), bulk(bench), bulk(bench, true)]
  for (const axis of rest) await work(axis, targets[0])
  chartCosts(
    bench,
    handshakes.map(({ axis }) => axis),
    rest,
  )
}

async function relaysTls(port: number): Promise<void> {
  drop(await askOnce(port, 0, to => connectTls(to, context)))
}

// ── axes ───────────────────────────────────────────────────────────────────

type Handshake = { readonly kind: number; readonly terms: TlsTerms }

const HANDSHAKES: readonly Handshake[] = (['TLSv1.3', 'TLSv1.2'] as const).flatMap(version =>
  [false, true].flatMap(resumes =>
    KINDS.map((_, kind) => ({ kind, terms: { version, groups: GROUPS, resumes } })),
  ),
)
const HYBRID_HANDSHAKE: Handshake = { kind: 0, terms: { ...USUAL, groups: HYBRID } }

const LOAD = { perSecond: 0, mebibytes: 0, durationMs: 0 }
const handshakeName = ({ kind, terms: { version, resumes, groups } }: Handshake): string =>
  `${version.replace('v', ' ')}, ${KINDS[kind].name}${resumes ? ', resumed' : ''}${groups === GROUPS ? '' : `, ${groups}`}`

const handshakesOf = (bench: Bench, handshake: Handshake): Axis => ({
  group: `new connections, ${handshakeName(handshake)}`,
  job: {
    ...LOAD,
    kind: 'connections',
    clients: CLIENTS,
    durationMs: bench.parameter(20, ROUND_MS),
    tls: handshake.terms,
  },
})

const requests = (bench: Bench): Axis => ({
  group: `requests over ${CLIENTS} kept connections, TLS 1.3`,
  job: { ...LOAD, kind: 'requests', clients: CLIENTS, durationMs: bench.parameter(20, ROUND_MS), tls: USUAL },
})

const bulk = (bench: Bench, sends?: true): Axis => ({
  group: `bulk, ${STREAMS} streams ${sends ? 'to' : 'from'} the server, TLS 1.3`,
  job: {
    ...LOAD,
    kind: 'bulk',
    clients: STREAMS,
    mebibytes: bench.parameter(4, 128),
    tls: { ...USUAL, ...(sends && { sends }) },
  },
})

/** The proxy's CPU: for a connection by its handshake, and for the rest. */
function chartCosts(bench: Bench, handshakes: readonly Axis[], rest: readonly Axis[]): void {
  const cpuOf = ({ group, job }: Axis): string =>
    `${group}: the proxy’s CPU for ${job.kind === 'bulk' ? 'a GB' : 'each'}`
  bench.chart({
    kind: 'bars',
    id: 'handshakes',
    title: 'New connections over TLS: CPU',
    about: 'Processor time of the proxy’s process for a connection with one request. Less is better.',
    groups: handshakes.map(axis => ({
      group: cpuOf(axis),
      label: axis.group.replace('new connections, ', ''),
    })),
    per: 'a connection',
  })
  for (const axis of rest)
    bench.chart({
      kind: 'bars',
      id: axis.group
        .split(/[^a-z]+/)
        .slice(0, 4)
        .join('-'),
      title: `${axis.group[0].toUpperCase()}${axis.group.slice(1)}: CPU`,
      about: 'Processor time of the proxy’s process. Less is better.',
      groups: [{ group: cpuOf(axis), label: 'CPU' }],
    })
}
