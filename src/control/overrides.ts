/**
 * Command-line flags that override the Settings document, and the settings that are read only once.
 */

import {
  type AdminSettings,
  DEFAULT_ACCESS_LOG,
  DEFAULT_ADMIN,
  type Settings,
} from '../config/settings/settings.ts'

export type Overrides = Partial<Pick<Settings, 'workers' | 'engine'>> & {
  readonly drain?: Partial<Settings['drain']>
  /** The place of the admin listener; null: off. */
  readonly admin?: Omit<AdminSettings, 'hosts' | 'auth' | 'fleet'> | null
  /** The place of the access log, whether or not the settings have one. */
  readonly accessLogPath?: string
}

/** A flag gives the place; the other settings of the same thing stay. */
export function overridden(
  settings: Settings,
  { admin, accessLogPath, drain, ...others }: Overrides,
): Settings {
  const place = admin && { ...(settings.admin ?? DEFAULT_ADMIN), ...admin }
  const log = { ...(settings.accessLog ?? DEFAULT_ACCESS_LOG), path: accessLogPath ?? '' }
  return {
    ...settings,
    ...others,
    drain: { ...settings.drain, ...drain },
    ...(place === undefined ? {} : { admin: place }),
    ...(accessLogPath === undefined ? {} : { accessLog: log }),
  }
}

/** Settings that are read once: a change in the files is only noted. */
const READ_ONCE = ['workers', 'engine', 'admin', 'kubernetes'] as const

export const changedReadOnce = (before: Settings, after: Settings): string[] => [
  ...READ_ONCE.filter(name => JSON.stringify(before[name]) !== JSON.stringify(after[name])),
  ...(before.reload.history === after.reload.history ? [] : ['reload.history']),
]
