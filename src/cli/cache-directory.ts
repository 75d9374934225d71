/** Where weir keeps what the next start need not do again. */

// @ts-expect-error: plain JavaScript, which is loaded before anything else
import { cacheDirectory as untyped } from './compile-cache.js'
import type { Env } from './env.ts'

/** A directory of the user's own, made if it is missing; null if none would be safe. */
export const cacheDirectory: (variables: Env['variables'], name: string) => string | null = untyped
