/**
 * From files to a Plan: all stages of the configuration, in order, in one run.
 *
 *   bytes ─text/─▶ resources ─validate/─▶ valid resources ─plan/─▶ Plan ─lint/      (each adds to the findings)
 *
 * Pure: the caller reads files, resolves names and builds the table (control/).
 */

import { hash } from 'node:crypto'
import { monotonicMs } from '../base/clock.ts'
import { keyedDigest } from '../base/keyed-digest.ts'
import type { Plan } from '../table/plan/plan.ts'
import { type ApiEntry, ApiObjects, type LeftOut } from './api-objects.ts'
import { Causes } from './findings/causes.ts'
import { type Diagnostic, Findings, isOfApi } from './findings/diagnostic.ts'
import { addressesBy, type GatewayAddresses, unusableBy } from './gateway-api/status/addresses.ts'
import { type ResourceStatus, statusesOf } from './gateway-api/status/statuses.ts'
import type { Inspect } from './inspect.ts'
import { isRouteTest } from './kinds.ts'
import { type LintOptions, lint } from './lint/lint.ts'
import type { LoadMemory } from './load-memory.ts'
import type { Credential } from './plan/credentials.ts'
import type { Live } from './plan/live-clusters.ts'
import { portOfService } from './plan/registry.ts'
import { type SecretData, secretsOf } from './plan/secrets.ts'
import type { TlsServed } from './plan/tls-served.ts'
import { toPlan } from './plan/to-plan.ts'
import type { Resource } from './resource.ts'
import { type RouteTest, readRouteTests } from './route-tests/route-tests.ts'
import { readSettings } from './settings/read.ts'
import type { Settings } from './settings/settings.ts'
import { readDocuments } from './text/read-documents.ts'
import { isFromApi } from './text/read-objects.ts'
import { Unusable } from './unusable.ts'
import { validate } from './validate/validate.ts'

export type SourceFile = { readonly file: string; readonly bytes: Uint8Array | Error }

/** A DNS name and the addresses that it last resolved to. */
export type ResolvedNames = ReadonlyMap<string, readonly string[]>

export type Loaded = {
  /** null after an error: a configuration is used as a whole or not at all. */
  readonly plan: Plan | null
  readonly settings: Settings
  readonly diagnostics: readonly Diagnostic[]
  /**
   * Every resource that was read, with a digest of its content, so that a reload can report what
   * changed.
   */
  readonly resources: readonly LoadedResource[]
  /** DNS names of endpoints. */
  readonly names: readonly string[]
  /** Those of which only the first address counts somewhere. */
  readonly namesInOrder: readonly string[]
  /** The certificates that rows of the Plan name. */
  readonly credentials: readonly Credential[]
  /** What follows the endpoints of an API while rules stay. */
  readonly live: Live
  /** Whether a resource defines this host, with this port if one is given. */
  readonly defines: (host: string, port?: number) => boolean
  /** Objects of the API whose newest version is not in the Plan. */
  readonly leftOut: readonly LeftOut[]
  /** The status that each resource of Gateway API should have. */
  readonly statuses: readonly ResourceStatus[]
  /** Empty unless requested. */
  readonly routeTests: readonly RouteTest[]
  /** How long each stage took, in milliseconds. */
  readonly stages: {
    readonly parse: number
    readonly validate: number
    readonly plan: number
    readonly lint: number
  }
}

export type LoadedResource = {
  readonly title: string
  readonly file: string
  readonly line: number
  readonly digest: string
}

/** YAML in unread folders below a named folder. */
export type UnreadFolder = {
  readonly folder: string
  readonly files: readonly string[]
  /** False if there may be more. */
  readonly isAll: boolean
}

export type LoadOptions = {
  readonly names: ResolvedNames
  readonly lint?: LintOptions
  readonly unread?: readonly UnreadFolder[]
  /** The first path that was given: findings that belong to no file name it. */
  readonly from?: string | undefined
  /** Whether to read RouteTests; otherwise weir skips them, even broken ones. */
  readonly routeTests?: boolean
  /** Reads certificates; without it, nobody looks for them. */
  readonly inspect?: Inspect
  /** Objects of a Kubernetes API, beside the files. */
  readonly objects?: readonly ApiEntry[] | undefined
  /** Keeps what was read for the next time, and has it from the last time. */
  readonly memory?: LoadMemory
  /** Where clients reach Gateways of Gateway API; absent: where the Settings say. */
  readonly gatewayAddresses?: GatewayAddresses | undefined
  /** The TLS that is served, for tests. */
  readonly served?: TlsServed
}

/** What counts beside files and objects. */
export type Surroundings = Pick<LoadOptions, 'names' | 'gatewayAddresses'>

/** Files of a folder that a warning names. */
const UNREAD_NAMED_MAX = 3

export function loadConfig(files: readonly SourceFile[], options: LoadOptions): Loaded {
  const loaded = loadAll(files, options)
  options.memory?.documents.release()
  return loaded
}

function loadAll(files: readonly SourceFile[], options: LoadOptions): Loaded {
  if (!options.objects) return loadOnce(files, options, null)
  const objects = new ApiObjects(options.objects)
  for (;;) {
    const loaded = loadOnce(files, options, objects)
    if (objects.refuse(loaded.diagnostics)) continue // all that fit without those are served
    return { ...loaded, diagnostics: [...objects.told, ...loaded.diagnostics], leftOut: objects.leftOut }
  }
}

function loadOnce(files: readonly SourceFile[], options: LoadOptions, objects: ApiObjects | null): Loaded {
  const findings = new Findings()
  const started = monotonicMs()
  const unusable = new Unusable()
  const ignores = options.routeTests ? undefined : isRouteTest
  const own = readDocuments(files, findings, unusable, ignores, options.memory?.documents)
  for (const each of options.unread ?? []) reportUnread(each, findings)
  if (objects === null && own.every(isRouteTest) && findings.count('error') === 0) {
    const file = files[0]?.file ?? options.unread?.[0]?.folder ?? options.from ?? 'configuration'
    findings.in('CFG014', { file, line: 1, column: 1 }, 'no resource found: there is nothing to serve')
  }
  const before = findings.count('error')
  const settings = readSettings(own, findings, objects !== null)
  if (findings.count('error') > before) for (const each of own.filter(isSettings)) unusable.add(each)
  const parsed = monotonicMs()
  const alone = (resource: Resource, to: Findings) => validateOnce(resource, settings, to)
  const taken = objects?.resources(own, alone, findings, unusable) ?? []
  const resources = [...own, ...taken]
  const valid = [...own.filter(resource => isValid(resource, settings, findings, unusable)), ...taken]
  const validated = monotonicMs()
  const causes = new Causes(valid, unusable)
  findings.holdBack(causes.holdsBack)
  // Planned even after errors, so that one run reports everything; the plan omits wrong resources.
  const planned = toPlan(valid, settings, options.names, findings, options.served, options.memory?.plan)
  const { plan } = planned
  const addresses = options.gatewayAddresses ?? { given: settings.kubernetes.addresses, own: [] }
  const plannedAt = monotonicMs()
  if (options.inspect) inspectAll(planned.credentials, secretsOf(valid), options.inspect, findings)
  const routeTests = readRouteTests(valid, planned, findings)
  lint(planned, valid.find(isSettings) ?? null, findings, options.lint, options.memory?.review)
  findings.holdBack(null)
  // Last: lint asks what was found of a name, and means the resource that is planned.
  for (const each of unusable.unchecked) alone(each, findings)
  causes.settle(findings)
  const failed = findings.list.some(each => each.severity === 'error' && !isOfApi(each))
  return {
    plan: failed ? null : plan,
    settings,
    diagnostics: findings.list,
    resources: resources.filter(each => !isLiveEndpoints(each)).map(summarise),
    names: namesOf(plan),
    namesInOrder: namesInOrderOf(plan),
    credentials: planned.credentials,
    live: planned.live,
    defines: (host, port) => {
      const service = planned.registry.find(host, null)
      return service !== null && (port === undefined || portOfService(service, port) !== undefined)
    },
    leftOut: [],
    statuses: statusesOf(planned.gatewayApi, {
      addressesOf: addressesBy(addresses),
      unusableOf: unusableBy(addresses),
    }),
    routeTests,
    stages: {
      parse: parsed - started,
      validate: validated - parsed,
      plan: plannedAt - validated,
      lint: monotonicMs() - plannedAt,
    },
  }
}

/** What is wrong with a credential is told where it is named, and nothing of its content. */
function inspectAll(
  credentials: readonly Credential[],
  secrets: ReadonlyMap<string, SecretData>,
  inspect: Inspect,
  findings: Findings,
): void {
  for (const credential of credentials) {
    const flaws = inspect(credential, secrets)
    // Of a listener of Gateway API the same may have been told with the reason of its status.
    for (const { resource, path } of credential.uses)
      for (const { code, message } of flaws)
        if (code !== 'CFG501' || !findings.has('CFG523', resource, path))
          findings.at(code, resource, path, message)
  }
}

function reportUnread({ folder, files, isAll }: UnreadFolder, findings: Findings): void {
  const names = files.slice(0, UNREAD_NAMED_MAX).join(', ')
  const more = files.length > UNREAD_NAMED_MAX || !isAll ? ', …' : ''
  const count = `${isAll ? '' : 'more than '}${files.length} YAML ${files.length === 1 ? 'file' : 'files'}`
  const message = `${count} in subfolders ${files.length === 1 ? 'is' : 'are'} not read: ${names}${more}`
  findings.in('CFG015', { file: folder, line: 1, column: 1 }, message, 'add -R to read subfolders')
}

function isValid(resource: Resource, settings: Settings, findings: Findings, unusable: Unusable): boolean {
  const errors = findings.count('error')
  validateOnce(resource, settings, findings)
  if (findings.count('error') === errors) return true
  unusable.add(resource)
  return false
}

/** A resource without a finding has none the next time. */
function validateOnce(resource: Resource, { profile }: Settings, findings: Findings): void {
  if (resource.facts.flawlessFor === profile) return
  const { found } = findings
  validate(resource, findings, { profile })
  if (findings.found === found) resource.facts.flawlessFor = profile
}

const isSettings = ({ kind, apiVersion }: Resource): boolean =>
  kind === 'Settings' && apiVersion.startsWith('gateway.weir/')

/** They come and go all the time: no reload reports them. */
const isLiveEndpoints = (resource: Resource): boolean =>
  isFromApi(resource) && (resource.kind === 'EndpointSlice' || resource.kind === 'Endpoints')

function summarise(resource: Resource): LoadedResource {
  const { title, file, facts } = resource
  facts.digest ??= digestOf(resource)
  return { title, file, line: resource.locate([]).line, digest: facts.digest }
}

function digestOf({ kind, value }: Resource): string {
  const text = JSON.stringify(value)
  return kind === 'Secret' ? keyedDigest([text]) : hash('sha1', text)
}

function namesOf(plan: Plan): string[] {
  return [...new Set(plan.clusters.flatMap(cluster => cluster.names.map(each => each.name)))]
}

function namesInOrderOf(plan: Plan): string[] {
  const places = plan.clusters.flatMap(each => each.places ?? []).filter(each => each.onlyFirst)
  return [...new Set(places.map(({ place }) => place))]
}
