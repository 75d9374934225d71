/** Goal: what others are told of this machine's addresses are those that they can reach. */

import { deepEqual, ok } from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { bindableAddresses, outerAddresses, ownAddresses } from '../../src/kernel/own-addresses.ts'
import { folder } from '../control/scene.ts'

test('outer addresses are own ones, without loopback and link-local', () => {
  const outer = outerAddresses()
  const own = ownAddresses()
  ok(outer.every(each => own.includes(each)))
  ok(!outer.some(each => /^(127\.|::1$|169\.254\.|fe80:)/.test(each)), outer.join())
  const others = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  const known = others.filter(each => !each.internal && !/^(169\.254|fe)/.test(each.address))
  ok(known.every(each => outer.includes(each.address)))
})

test('a socket may be bound to own addresses, and to any where the machine allows that', t => {
  const settings = folder(t, { 'ipv4/ip_nonlocal_bind': '0\n', 'ipv6/ip_nonlocal_bind': '1\n' })
  deepEqual(bindableAddresses(settings), [...ownAddresses(), '::/0'])
  deepEqual(bindableAddresses(`${settings}/none`), ownAddresses())
})
