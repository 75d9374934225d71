/**
 * Who of several replicas writes: the holder of a Lease (kubernetes.io, "Leases").
 *
 * A replica asks for it only once it has something to write. The holder renews it until it ends;
 * then it lets go, so that the next need not wait. Nobody trusts a clock of another machine: a
 * holder counts as lost once its Lease was seen unchanged for the whole duration, by one's own
 * clock, as client-go does it (tools/leaderelection). Two may believe to hold it for a moment:
 * each write carries the resourceVersion that was read, so the worst is a conflict.
 */

import { hash, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { monotonicMs, wallNowMs, wallTime } from '../../base/clock.ts'
import { createRandom, nextBelow } from '../../base/random.ts'
import type { Client } from './client.ts'
import type { Fields } from './objects.ts'

/** Without news of its holder for this long, others take it: client-go's default. */
const DURATION_MS = 15_000
/** Letting go must not hold up the end of a process. */
const RELEASE_MS = 2_000

export const LEASES = { group: 'coordination.k8s.io', plural: 'leases' } as const

type Scope = {
  readonly namespaces: readonly string[]
  readonly gatewaySelector: Readonly<Record<string, string>>
  readonly gatewayClass: string | null
}

/**
 * Gateways that read different resources write different statuses, so each sort has its own. The
 * chart computes it, too (_rights.tpl).
 */
export function leaseName({ namespaces, gatewaySelector, gatewayClass }: Scope): string {
  const labels = Object.entries(gatewaySelector).map(each => each.join('='))
  const scope = [...namespaces.toSorted(), '', ...labels.sort(), ...(gatewayClass ? [gatewayClass] : [])]
  if (scope.length === 1) return 'weir-status'
  return `weir-status-${hash('sha256', scope.join(' ')).slice(0, 8)}`
}

/** `none`: there are no Leases, or no right to them. */
export type Standing = 'held' | 'others' | 'none' | 'unknown'

type LeaseOptions = {
  readonly client: Client
  readonly namespace: string
  readonly name: string
  readonly durationMs?: number | undefined
}

type Seen = {
  readonly resourceVersion: string
  readonly holder: string
  readonly transitions: number
  readonly sinceMs: number
}

export class Lease {
  readonly #client: Client
  readonly #metadata: { readonly name: string; readonly namespace: string }
  readonly #place: string
  readonly #durationMs: number
  readonly #own = `${hostname()}_${randomUUID()}`
  readonly #random = createRandom(process.pid, wallNowMs() >>> 0, nextSeed())
  readonly #closing = new AbortController()
  /** As it was read last; null: there is none. */
  #seen: Seen | null = null
  #heldUntilMs = Number.NEGATIVE_INFINITY
  /** Without a right to it nobody asks again before. */
  #noneUntilMs = Number.NEGATIVE_INFINITY
  #renewing: NodeJS.Timeout | undefined
  #asking: Promise<Standing> | null = null

  constructor({ client, namespace, name, durationMs = DURATION_MS }: LeaseOptions) {
    this.#client = client
    this.#metadata = { name, namespace }
    this.#place = `/apis/${LEASES.group}/v1/namespaces/${namespace}/${LEASES.plural}`
    this.#durationMs = durationMs
  }

  /** A holder that could not renew it stops before others may take it. */
  get isHeld(): boolean {
    return monotonicMs() < this.#heldUntilMs
  }

  /** Takes it if nobody has it; whose it is. */
  take(): Promise<Standing> {
    if (this.isHeld) return Promise.resolve('held')
    if (monotonicMs() < this.#noneUntilMs) return Promise.resolve('none')
    this.#asking ??= this.#ask()
      .then(standing => {
        if (standing === 'none') this.#noneUntilMs = monotonicMs() + this.againMs
        return standing
      })
      .finally(() => {
        this.#asking = null
      })
    return this.#asking
  }

  /** When to ask again whether its holder is lost, or whether there is a right to it. */
  get againMs(): number {
    return this.#durationMs / 2 + nextBelow(this.#random, Math.ceil(this.#durationMs / 2))
  }

  /** Lets go, so that others need not wait. */
  async close(): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#renewing)
    await this.#asking
    const held = this.isHeld
    this.#heldUntilMs = Number.NEGATIVE_INFINITY
    if (held) await this.#write({ holderIdentity: '' }, AbortSignal.timeout(RELEASE_MS))
  }

  async #ask(): Promise<Standing> {
    const { name } = this.#metadata
    const sentMs = monotonicMs()
    const { status, value } = await this.#send('GET', `${this.#place}/${name}`)
    if (status === 404 && Object(value).details?.name === name) return await this.#create(sentMs)
    if (status === 403 || status === 404) return 'none'
    if (status !== 200) return 'unknown'
    this.#keep(value)
    const seen = this.#seen as Seen
    const isFree = seen.holder === '' || seen.holder === this.#own
    if (!isFree && monotonicMs() - seen.sinceMs < this.#durationMs) return 'others'
    const isOther = seen.holder !== this.#own
    return await this.#hold(sentMs, isOther ? seen.transitions + 1 : null)
  }

  async #create(sentMs: number): Promise<Standing> {
    const spec = { ...this.#spec(), acquireTime: microTime(), leaseTransitions: 0 }
    const body = { apiVersion: `${LEASES.group}/v1`, kind: 'Lease', metadata: this.#metadata, spec }
    const { status, value } = await this.#send('POST', this.#place, 'application/json', body)
    if (status < 300) return this.#holds(value, sentMs)
    if (status === 409) return 'others'
    return status === 403 || status === 404 ? 'none' : 'unknown'
  }

  /** Renews it, or takes it from a holder that is gone. */
  async #hold(sentMs: number, transitions: number | null): Promise<Standing> {
    const taken = transitions === null ? {} : { acquireTime: microTime(), leaseTransitions: transitions }
    const { status, value } = await this.#write({ ...this.#spec(), ...taken }, this.#closing.signal)
    if (status < 300) return this.#holds(value, sentMs)
    if (status === 409) return 'others'
    return status === 403 ? 'none' : 'unknown'
  }

  /** It is held from when it was asked for: others may have seen it from then on. */
  #holds(value: unknown, sentMs: number): Standing {
    this.#keep(value)
    this.#heldUntilMs = sentMs + (this.#durationMs * 2) / 3
    this.#renewLater()
    return 'held'
  }

  #renewLater(): void {
    clearTimeout(this.#renewing)
    if (this.#closing.signal.aborted) return
    const ms = this.#durationMs / 4 + nextBelow(this.#random, Math.ceil(this.#durationMs / 12))
    this.#renewing = setTimeout(() => void this.#renew(), ms).unref()
  }

  /** Until the time is over, once more each time; a conflict means that somebody else has it. */
  async #renew(): Promise<void> {
    const standing = await this.#hold(monotonicMs(), null)
    if (standing === 'others' || standing === 'none') this.#heldUntilMs = Number.NEGATIVE_INFINITY
    else if (standing === 'unknown' && this.isHeld) this.#renewLater()
  }

  #keep(value: unknown): void {
    const { metadata, spec } = Object(value) as { metadata?: Fields; spec?: Fields }
    const resourceVersion = String(metadata?.resourceVersion ?? '')
    const sinceMs = this.#seen?.resourceVersion === resourceVersion ? this.#seen.sinceMs : monotonicMs()
    const [holder, transitions] = [String(spec?.holderIdentity ?? ''), Number(spec?.leaseTransitions ?? 0)]
    this.#seen = { resourceVersion, holder, transitions, sinceMs }
  }

  #spec(): Fields {
    return {
      holderIdentity: this.#own,
      leaseDurationSeconds: Math.ceil(this.#durationMs / 1000),
      renewTime: microTime(),
    }
  }

  #write(spec: Fields, signal: AbortSignal): Promise<Answer> {
    const body = { metadata: { resourceVersion: this.#seen?.resourceVersion }, spec }
    return this.#send(
      'PATCH',
      `${this.#place}/${this.#metadata.name}`,
      'application/merge-patch+json',
      body,
      signal,
    )
  }

  async #send(
    method: string,
    path: string,
    type?: string,
    body?: Fields,
    signal = this.#closing.signal,
  ): Promise<Answer> {
    const sent = { method, ...(type && { type }), ...(body && { body: JSON.stringify(body) }) }
    return await this.#client.whole(path, signal, sent).catch(() => ({ status: 599, value: undefined }))
  }
}

type Answer = { readonly status: number; readonly value: unknown }

/** MicroTime has six digits behind the point, and an API server takes no others. */
const microTime = (): string => wallTime().replace('Z', '000Z')

/** Several in one process must not wait alike. */
let seeds = 0
const nextSeed = (): number => ++seeds
