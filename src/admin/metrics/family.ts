/**
 * A metric that is read when somebody asks, in the form that prom-client writes out.
 *
 * prom-client's own counters hold their values, and are added to. weir's are in shared memory already, and only grow;
 * so here a metric is a name and a function.
 */

import type { Metric, Registry } from 'prom-client'

export type Labels = Readonly<Record<string, string | number>>
/** `suffix`: of a histogram's parts. */
export type Value = { readonly value: number; readonly labels?: Labels; readonly suffix?: string }

export type Family = {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly read: () => readonly Value[]
}

export function register(registry: Registry, { name, help, type, read }: Family): void {
  const get = async () => ({
    ...{ name, help, type, aggregator: 'sum' },
    values: read().map(({ value, labels = {}, suffix = '' }) => ({
      value,
      labels,
      metricName: name + suffix,
    })),
  })
  registry.registerMetric({ name, help, type, get, reset() {} } as unknown as Metric)
}

export const counter = (name: string, help: string, read: Family['read']): Family => ({
  ...{ name, help, type: 'counter' as const },
  read,
})

export const gauge = (name: string, help: string, read: Family['read']): Family => ({
  ...{ name, help, type: 'gauge' as const },
  read,
})

/** One value without labels. */
export const single = (value: number): readonly Value[] => [{ value }]
