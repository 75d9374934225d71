/**
 * The metadata of a resource, completed as the API server completes it.
 *
 * Kubernetes' internal fields (uid, resourceVersion, managedFields, generateName, ownerReferences
 * …) are known by name only. The rules for names are those that hold for every kind: a name becomes
 * a segment of a URL path (apimachinery, IsValidPathSegmentName); a namespace is a DNS label (RFC
 * 1123) and becomes part of host names.
 */

import type { Findings, Path } from '../findings/diagnostic.ts'
import { describe, quote } from '../findings/quote.ts'
import { didYouMean } from '../findings/suggest.ts'
import type { Metadata } from '../resource.ts'
import { type Draft, isClusterWide, isMapping, type Mapping } from './draft.ts'

const NAME_LENGTH_MAX = 253
const NAME = /^(?!\.{1,2}$)[^/%\s\p{C}]+$/u
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const RFC3339 = /^(\d{4}-\d\d-\d\d)[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/** The fields of ObjectMeta (apimachinery, meta/v1), clusterName of older versions included. */
const FIELDS = [
  ...['name', 'generateName', 'namespace', 'labels', 'annotations', 'creationTimestamp', 'uid'],
  ...['resourceVersion', 'generation', 'selfLink', 'deletionTimestamp', 'deletionGracePeriodSeconds'],
  ...['ownerReferences', 'finalizers', 'managedFields', 'clusterName'],
]

/** Kinds whose name is optional, with their default name. */
const NAME_DEFAULTS = new Map([['Settings', 'settings']])

/** The metadata of `draft`; null if it has no usable name. */
export function readMetadata(draft: Draft, kind: string, findings: Findings): Metadata | null {
  const metadata = draft.value.metadata ?? (NAME_DEFAULTS.has(kind) ? {} : undefined)
  if (!isMapping(metadata)) {
    const message =
      metadata === undefined ? 'metadata is missing' : `metadata is ${describe(metadata)}, not an object`
    findings.at('CFG023', draft, ['metadata'], message)
    return null
  }
  reportUnknown(draft, metadata, findings)
  const name = readName(draft, metadata.name ?? NAME_DEFAULTS.get(kind), findings)
  const namespace = isClusterWide(kind) ? '' : readNamespace(draft, metadata.namespace, findings)
  const rest = {
    labels: readStrings(draft, 'labels', metadata, findings),
    annotations: readStrings(draft, 'annotations', metadata, findings),
    createdMs: readTime(draft, metadata.creationTimestamp, findings),
  }
  return name === null || namespace === null ? null : { name, namespace, ...rest }
}

/** The known metadata of an ignored resource: nothing in it is a mistake. */
export function readForeignMetadata({ value }: Draft): Metadata {
  const { name, generateName, namespace } = isMapping(value.metadata) ? value.metadata : {}
  const called = typeof name === 'string' ? name : typeof generateName === 'string' ? `${generateName}*` : ''
  return {
    name: called,
    namespace: called === '' ? '' : typeof namespace === 'string' && namespace !== '' ? namespace : 'default',
    labels: {},
    annotations: {},
    createdMs: null,
  }
}

/** A misspelt namespace would move the resource to another one. */
function reportUnknown(draft: Draft, metadata: Mapping, findings: Findings): void {
  for (const name of Object.keys(metadata)) {
    if (FIELDS.includes(name)) continue
    const message = `field ${quote(name)} is not known here`
    findings.at('CFG102', draft, ['metadata', name], message, didYouMean(name, FIELDS))
  }
}

function readName(draft: Draft, name: unknown, findings: Findings): string | null {
  const path = ['metadata', 'name']
  if (name === undefined || name === null || name === '') {
    findings.at('CFG024', draft, path, 'metadata.name is missing', nameHint(draft))
  } else if (typeof name !== 'string') {
    findings.at('CFG024', draft, path, `metadata.name is ${describe(name)}, not a string`, 'quote it')
  } else if (name.length > NAME_LENGTH_MAX || !NAME.test(name)) {
    findings.at('CFG024', draft, path, `${quote(name)} is not a valid resource name`)
  } else return name
  return null
}

const nameHint = ({ value: { metadata } }: Draft): string | undefined =>
  isMapping(metadata) && metadata.generateName !== undefined
    ? 'the cluster generates the name from generateName; weir needs the final name'
    : undefined

function readNamespace(draft: Draft, namespace: unknown, findings: Findings): string | null {
  if (namespace === undefined || namespace === null || namespace === '') return 'default'
  if (typeof namespace === 'string' && NAMESPACE.test(namespace)) return namespace
  const hint = 'use at most 63 lower-case letters, digits and "-"'
  const message = `${describe(namespace)} cannot be a namespace`
  findings.at('CFG024', draft, ['metadata', 'namespace'], message, hint)
  return null
}

function readStrings(
  draft: Draft,
  field: 'labels' | 'annotations',
  metadata: Mapping,
  findings: Findings,
): Record<string, string> {
  const strings: Record<string, string> = {}
  const written = metadata[field] ?? {}
  const wrong = (path: Path, value: unknown, expected: string, hint?: string) =>
    findings.at(
      'CFG025',
      draft,
      ['metadata', field, ...path],
      `this is ${describe(value)}, not ${expected}`,
      hint,
    )
  if (!isMapping(written)) wrong([], written, 'an object of strings')
  else {
    for (const [key, value] of Object.entries(written)) {
      if (typeof value === 'string') strings[key] = value
      else if (value === null)
        strings[key] = '' // as the API server reads it
      else wrong([key], value, 'a string', 'quote the value')
    }
  }
  return strings
}

function readTime(draft: Draft, written: unknown, findings: Findings): number | null {
  if (written === undefined || written === null) return null
  const time = typeof written === 'string' ? parseTime(written) : null
  if (time === null) {
    const message = `${describe(written)} is not an RFC 3339 timestamp`
    findings.at('CFG026', draft, ['metadata', 'creationTimestamp'], message)
  }
  return time
}

/** Milliseconds since 1970, or null; Date.parse alone would read 30 February as 2 March. */
function parseTime(text: string): number | null {
  const date = RFC3339.exec(text)?.[1]
  const time = Date.parse(text.toUpperCase())
  if (date === undefined || Number.isNaN(time)) return null
  return new Date(`${date}T00:00:00Z`).toISOString().startsWith(date) ? time : null
}
