/**
 * Preloaded by a gateway (`node --import`), it puts slowed-pick.ts in the place of
 * src/table/match/pick.ts.
 *
 * With it a test sees that the bench would notice a pick that costs something; no line of src is
 * for it.
 */

import { registerHooks } from 'node:module'

const SLOWED = new URL('slowed-pick.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier.endsWith('/pick.ts') && context.parentURL !== SLOWED
      ? { url: SLOWED, shortCircuit: true }
      : next(specifier, context),
})
