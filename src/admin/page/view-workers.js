/** The worker threads and how the load is spread over them; and the listening sockets. */

import { byId, h, setText, syncEmpty, syncRows } from './dom.js'
import { count, percent, rate } from './format.js'

const SIGNS = { accepting: '● accepting', starting: '▲ starting', draining: '▼ draining', ended: '✕ ended' }

export class Workers {
  show({ workers }, history) {
    const open = workers.reduce((sum, each) => sum + each.counters.open, 0)
    setText(byId('workers-note'), `${count(open)} open connections over ${count(workers.length)} threads.`)
    syncRows(
      byId('worker-rows'),
      workers,
      each => String(each.worker),
      ({ worker, state, generation, counters }) => [
        String(worker),
        SIGNS[state] ?? state,
        String(generation),
        rate(history.rate(answer => answer.workers[worker]?.counters.accepted ?? 0)),
        count(counters.accepted),
        share(counters.open, open),
      ],
      ['', 'nowrap', 'number', 'number', 'number', 'share'],
    )
  }

  showListeners(listeners) {
    const body = byId('listener-rows')
    syncEmpty(body, listeners.length === 0, 'None: no Gateway and no service port is served.')
    if (listeners.length === 0) return
    syncRows(
      body,
      listeners,
      each => each.listener,
      ({ bind, port, gateway, redirect, failures }) => [
        `${bind === '' ? '*' : bind.includes(':') ? `[${bind}]` : bind}:${port}`,
        `${gateway}${redirect ? ', redirected' : ''}`,
        failures.length === 0 ? '● open' : `✕ ${failures[0].code}: ${failures[0].message}`,
      ],
      ['mono', '', ''],
    )
  }
}

function share(open, all) {
  const part = all === 0 ? null : open / all
  return {
    key: `${open} ${all}`,
    build: () => [
      h('meter', { min: 0, max: 1, value: part ?? 0, 'aria-label': 'Share of what is open' }),
      h('span', null, ` ${count(open)} · ${percent(part)}`),
    ],
  }
}
