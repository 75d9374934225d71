/**
 * Preloaded by a gateway (`node --import`), it replaces src/table/match/pick.ts by slowed-pick.ts.
 *
 * With it a test checks that the bench would notice a slower pick; src needs no line for it.
 */

import { registerHooks } from 'node:module'

const SLOWED = new URL('slowed-pick.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier.endsWith('/pick.ts') && context.parentURL !== SLOWED
      ? { url: SLOWED, shortCircuit: true }
      : next(specifier, context),
})
