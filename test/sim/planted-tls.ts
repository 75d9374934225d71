/** Bugs of TLS to be planted (planted.ts). */

import { type Planted, plant } from './planting.ts'

export const PLANTED_TLS: readonly Planted[] = [
  plant(
    'a stream that was cut passes for one that has ended',
    400,
    'engine/flow/tls-filter.ts',
    "this.#options.endings.close(slot, Reason['tls-truncated'])",
    'this.#options.passage.passEnd(slot, side)',
  ),
  plant(
    'what a session says of itself stays in the pipe',
    400,
    'engine/flow/tls-filter.ts',
    'if (session.hasOutput) this.#answer(slot, side, session)\n    this.#passOn',
    'this.#passOn',
  ),
  plant(
    'what the client has said before the handshake goes upstream in the clear',
    200,
    'engine/flow/originating.ts',
    'filter.tellKept(slot, queues.count(2 * slot + CLIENT))',
    'void queues',
  ),
  plant(
    'certificates that are renewed wait for the next table',
    400,
    'engine/worker/mailbox.ts',
    "case 'secrets':\n        this.#seen = order.epoch\n        this.#orders.furnish?.(order.secrets)",
    "case 'secrets':\n        this.#seen = order.epoch",
  ),
  plant(
    'any server of a listener takes a handshake, whatever the name',
    400,
    'table/match/named-scope.ts',
    'return tlsServerOf(table, findNamedScope(table, scope, query.isTls, query.serverName))',
    "return tlsServerOf(table, findNamedScope(table, scope, query.isTls, '')) ?? tlsServerOf(table, findNamedScope(table, scope, query.isTls, query.serverName))",
  ),
  plant(
    'a handshake has a time of its own',
    400,
    'engine/flow/terminating.ts',
    'filter.place(slot, CLIENT, session)',
    'filter.place(slot, CLIENT, session)\n    arrival.readUntilMs += 15_000',
  ),
  plant(
    'whoever begins with a header is decided about before its handshake',
    400,
    'engine/flow/reading.ts',
    'if (arrival.server === null) admission.decide(slot, arrival)',
    'if (arrival.server === null || arrival.query.peerFamily !== 0) admission.decide(slot, arrival)',
  ),
  plant(
    'the upstream of a client that has asked for TLS is not asked',
    400,
    'engine/flow/admission.ts',
    'slots.starttls[slot] = arrival.hearing?.starttls && arrival.server === null ? 1 : 0',
    'slots.starttls[slot] = 0',
  ),
  plant(
    'whatever an upstream answers to a request for TLS is a yes',
    600,
    'engine/flow/starttls.ts',
    'const isYes = bytes === 1 && isAgreed(memory.u8[queues.placeOf(buffer)])',
    'const isYes = bytes > 0 && memory.u8.length > 0 && isAgreed !== undefined',
  ),
  plant(
    'bytes go to an upstream before it has agreed to TLS',
    400,
    'engine/flow/starttls.ts',
    'this.#kept.get(slot)?.buffers.push({ buffer, bytes })\n    this.#options.flows.hold(slot, otherOf(side))',
    'this.#options.flows.put(slot, side, buffer, bytes, bytes, false)',
  ),
]
