/** PeerAuthentication: which workloads take plain text (istiod ValidatePeerAuthentication). */

import type { Field } from './field.ts'
import { checkSelector } from './field-checks.ts'
import type { Shape } from './shape.ts'
import { checkWord } from './values.ts'

const MODES = ['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT']

export const PEER_AUTHENTICATION_SHAPE: Shape = {
  selector: { matchLabels: { '*': 'text' } },
  mtls: { mode: 'text' },
  portLevelMtls: { '*': { mode: 'text' } },
}

export function checkPeerAuthentication(root: Field): void {
  const spec = root.get('spec')
  const selector = spec.get('selector')
  checkSelector(selector, 'matchLabels')
  checkWord(spec.get('mtls').get('mode'), MODES, 'mode')
  const ports = spec.get('portLevelMtls')
  if (ports.absent) return
  if (ports.entries.length === 0)
    ports.report('CFG211', 'portLevelMtls is empty: name a port, or leave it out')
  if (selector.get('matchLabels').entries.length === 0)
    ports.report('CFG211', 'portLevelMtls must have a selector: ports are those of workloads')
  for (const [port, mtls] of ports.entries) {
    if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
      mtls.report('CFG202', `port ${port} is not between 1 and 65535`)
    checkWord(mtls.get('mode'), MODES, 'mode')
  }
}
