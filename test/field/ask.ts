/** Configurations as text, asked where a connection would go and what `check` finds. */

import { splitEndpoint } from '../../src/address/address.ts'
import { loadConfig } from '../../src/config/load.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { Explainer } from '../../src/table/explain/explain.ts'
import type { Explanation } from '../../src/table/explain/explanation.ts'
import { openTable } from '../../src/table/format/table.ts'

export type Client = { readonly from?: string; readonly namespace?: string; readonly gateway?: string }

/** Answers questions about one configuration, all of whose documents stand in one text. */
export class Asked {
  /** "CODE file:line: message" of every finding. */
  readonly findings: readonly string[]
  readonly #explainer: Explainer | null

  constructor(text: string) {
    const bytes = new TextEncoder().encode(text)
    const lint = { notes: true, openPortsFrom: 0 }
    const { plan, diagnostics } = loadConfig([{ file: 'in.yaml', bytes }], { names: new Map(), lint })
    this.findings = diagnostics.map(({ code, message }) => `${code} ${message}`)
    this.#explainer = plan && new Explainer(openTable(buildTable(plan, 1, () => 0)))
  }

  /** Codes of the findings, in their order. */
  get codes(): readonly string[] {
    return this.findings.map(each => each.slice(0, each.indexOf(' ')))
  }

  explain(to: string, { from, namespace, gateway = 'mesh' }: Client = {}): Explanation {
    const { address, port } = splitEndpoint(to) ?? { address: '', port: Number(to.slice(1)) }
    const source = { ...(from && { ip: from }), ...(namespace && { namespace, labels: {} }) }
    if (!this.#explainer) throw new Error(`nothing to ask: ${this.findings.join('; ')}`)
    return this.#explainer.answer({ gateway, source, destination: { ip: address, port } })
  }

  /**
   * The endpoints of all destinations of a connection, or the outcome of one that no service takes.
   */
  reach(to: string, client: Client = {}): string {
    const { outcome, destinations } = this.explain(to, client)
    if (outcome !== 'route' && outcome !== 'default') return outcome
    return destinations.flatMap(each => each.endpoints).join(' ')
  }
}

export const asked = (...documents: readonly string[]): Asked => new Asked(documents.join('\n---\n'))

/** A document of a kind; `rest` is all but its head, in YAML's flow style. */
const document =
  (apiVersion: string, kind: string) =>
  (id: string, rest: string, metadata = ''): string => {
    const [namespace, name] = id.split('/')
    return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${name}, namespace: ${namespace}${metadata && `, ${metadata}`}}\n${rest}`
  }

export const service = document('v1', 'Service')
export const pod = document('v1', 'Pod')
export const endpoints = document('v1', 'Endpoints')
export const serviceEntry = document('networking.istio.io/v1', 'ServiceEntry')
export const workloadEntry = document('networking.istio.io/v1', 'WorkloadEntry')
export const virtualService = document('networking.istio.io/v1', 'VirtualService')
export const destinationRule = document('networking.istio.io/v1', 'DestinationRule')
export const gateway = document('networking.istio.io/v1', 'Gateway')

/** An EndpointSlice of the Service with the same id. */
export const slice = (id: string, addressType: string, rest: string): string =>
  document('discovery.k8s.io/v1', 'EndpointSlice')(
    `${id}-${addressType.toLowerCase()}`,
    `addressType: ${addressType}\n${rest}`,
    `labels: {kubernetes.io/service-name: ${id.slice(id.indexOf('/') + 1)}}`,
  )

/** A running Pod with these addresses. */
export const running = (id: string, addresses: string, labels: string): string =>
  pod(
    id,
    `status: {phase: Running, podIPs: [${addresses
      .split(' ')
      .map(each => `{ip: "${each}"}`)
      .join(', ')}]}`,
    `labels: {${labels}}`,
  )
