/** Which engine the workers run, and the one line that says why. */

import type { Settings } from '../config/settings.ts'
import type { EngineKind } from '../engine/protocol.ts'

export type EngineChoice = { readonly engine: EngineKind; readonly why: string }

const CHOICES: Readonly<Record<Settings['engine'], EngineChoice>> = {
  auto: { engine: 'node', why: 'the engine that runs everywhere' },
  node: { engine: 'node', why: 'as asked' },
  uring: { engine: 'node', why: 'this version has no io_uring engine yet' },
}

export const chooseEngine = (wanted: Settings['engine']): EngineChoice => CHOICES[wanted]
