/**
 * Limits of the machine that settings of 0 stand for: how many workers, how many connections.
 */

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Settings } from '../config/settings.ts'

/** Descriptors that are no connections: files, listeners, event loops, the admin listener. */
const RESERVED_FILES = 256
/** Where the limit cannot be read (no /proc): macOS' and most systems' usual hard limit and more. */
const FILES_ASSUMED = 10_240

export const workersFor = ({ workers }: Settings): number =>
  workers === 0 ? availableParallelism() : workers

/** A connection holds two descriptors: the client's and the upstream's. */
export const connectionsFor = ({ maxConnections }: Settings, openFiles = openFilesMax()): number =>
  maxConnections === 0 ? Math.max(1, Math.floor((openFiles - RESERVED_FILES) / 2)) : maxConnections

/** The soft limit of open files, which Node has already raised to the hard one (proc_pid_limits(5)). */
function openFilesMax(): number {
  try {
    const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return line?.[1] === 'unlimited' ? 2 ** 30 : Number(line?.[1] ?? FILES_ASSUMED)
  } catch {
    return FILES_ASSUMED
  }
}
