/**
 * EndpointSlices, which change more often than all the rest.
 *
 * One change is mostly about one endpoint of many, and the others stay the values that they were.
 * So nearly all of an event is garbage once it is read, which costs V8 nothing, where it would copy
 * what outlives the reading, and look for the old versions among everything else. And whoever
 * compares two versions of a slice mostly needs no more than `===`.
 */

import { align } from '../../base/align.ts'
import { isSameValue, knownOr } from '../../base/same-value.ts'
import type { ApiObject } from '../../config/text/read-objects.ts'

type Fields = Readonly<Record<string, unknown>>

/** What is kept of an endpoint; `targetRef` without its uid and namespace. */
type Endpoint = {
  addresses?: unknown
  conditions?: unknown
  targetRef?: { readonly kind: unknown; readonly name: unknown }
  nodeName?: unknown
  zone?: unknown
  hints?: unknown
}

/**
 * The content of a slice, beside its metadata.
 *
 * @param known  The slice as it was.
 */
export function readSlice({ addressType, endpoints, ports }: Fields, known: ApiObject | undefined): Fields {
  return {
    addressType: knownOr(known?.addressType, addressType),
    endpoints: readEndpoints(endpoints, known?.endpoints),
    ports: knownOr(known?.ports, ports ?? []),
  }
}

function readEndpoints(written: unknown, before: unknown): readonly Endpoint[] {
  if (!Array.isArray(written)) return []
  const known: readonly Endpoint[] = Array.isArray(before) ? before : []
  const kept: Endpoint[] = []
  let isSame = written.length === known.length
  align(
    written.length,
    known.length,
    (index, at) => isSameValue(Object(written[index]).addresses, known[at].addresses),
    (index, at) => {
      const raw: Fields = Object(written[index])
      const there = at < 0 ? undefined : known[at]
      const endpoint = there && isSameState(there, raw) ? there : readEndpoint(raw, there)
      isSame &&= index === at && endpoint === there
      kept.push(endpoint)
    },
  )
  return isSame ? known : kept
}

// v1beta1 has the zone in `topology`, and the node beside it.
const nodeOf = ({ nodeName, topology }: Fields): unknown =>
  nodeName ?? (topology as Fields | null | undefined)?.['kubernetes.io/hostname'] ?? undefined
const zoneOf = ({ zone, topology }: Fields): unknown =>
  zone ?? (topology as Fields | null | undefined)?.['topology.kubernetes.io/zone'] ?? undefined

/** Whether all but the addresses is so, too. Field by field, since each change is read so. */
function isSameState(known: Endpoint, raw: Fields): boolean {
  return (
    isSameValue(known.conditions, raw.conditions || undefined) &&
    isSameTarget(known.targetRef, raw.targetRef) &&
    known.nodeName === nodeOf(raw) &&
    known.zone === zoneOf(raw) &&
    isSameValue(known.hints, raw.hints || undefined)
  )
}

function isSameTarget(known: Endpoint['targetRef'], raw: unknown): boolean {
  const { name, kind } = Object(raw)
  return raw ? known?.name === name && known?.kind === kind : known === undefined
}

/** @param there  What is known of it; its fields that are still so stay. */
function readEndpoint(raw: Fields, there: Endpoint | undefined): Endpoint {
  const { addresses, conditions, targetRef, hints } = raw
  const kept: Endpoint = { addresses: there ? there.addresses : addresses }
  const [nodeName, zone] = [nodeOf(raw), zoneOf(raw)]
  if (conditions) kept.conditions = knownOr(there?.conditions, conditions)
  if (targetRef) {
    const { kind, name } = Object(targetRef)
    kept.targetRef = knownOr(there?.targetRef, { kind, name })
  }
  if (nodeName !== undefined) kept.nodeName = knownOr(there?.nodeName, nodeName)
  if (zone !== undefined) kept.zone = knownOr(there?.zone, zone)
  if (hints) kept.hints = knownOr(there?.hints, hints)
  return kept
}
