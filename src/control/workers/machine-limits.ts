/**
 * Limits of the machine: how many workers and connections a setting of 0 stands for, and which
 * ports this process may open.
 */

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Settings } from '../../config/settings/settings.ts'

/** Descriptors that are no connections: files, listeners, event loops, the admin listener. */
const RESERVED_FILES = 256
/**
 * Where the limit cannot be read (no /proc): macOS' and most systems' usual hard limit and more.
 */
const FILES_ASSUMED = 10_240

export const workersFor = ({ workers }: Settings): number =>
  workers === 0 ? availableParallelism() : workers

/** A connection holds two descriptors: the client's and the upstream's. */
export const connectionsFor = ({ maxConnections }: Settings, openFiles = openFilesMax()): number =>
  maxConnections === 0 ? Math.max(1, Math.floor((openFiles - RESERVED_FILES) / 2)) : maxConnections

/**
 * The soft limit of open files, which Node has already raised to the hard one (proc_pid_limits(5)).
 */
function openFilesMax(): number {
  try {
    const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return line?.[1] === 'unlimited' ? 2 ** 30 : Number(line?.[1] ?? FILES_ASSUMED)
  } catch {
    return FILES_ASSUMED
  }
}

/**
 * What a start takes before any connection, with one listener or two: 27 and 9 for each worker at
 * rest, more while threads load their modules. Beyond some, a worker cannot even start.
 */
const FILES_AT_START = 64
const FILES_OF_WORKER = 16
/** Below it hardly any connection is left; every usual limit is higher. */
const FILES_FEW = 1_024

/** What the limit of open files is too low for, with the cure; null: for nothing. */
export function filesFlaw(
  settings: Settings,
  openFiles = openFilesMax(),
): { readonly isFatal: boolean; readonly message: string } | null {
  const workers = workersFor(settings)
  const needed = FILES_AT_START + FILES_OF_WORKER * workers
  const limit = `the limit of open files is ${openFiles}`
  if (openFiles < needed)
    return {
      isFatal: true,
      message: `${limit}; weir needs at least ${needed} with ${workers} worker${workers === 1 ? '' : 's'}, and 2 for each connection: ${RAISE}`,
    }
  if (openFiles >= FILES_FEW || settings.maxConnections > 0) return null
  const most = connectionsFor(settings, openFiles)
  const connections = most === 1 ? 'one connection' : `${most} connections`
  return { isFatal: false, message: `${limit}, which leaves room for ${connections}: ${RAISE}` }
}

const RAISE =
  'raise it with ulimit -n N in the shell, LimitNOFILE=N in systemd, or --ulimit nofile=N of a container'

/** CAP_NET_BIND_SERVICE (capabilities(7)). */
const MAY_BIND = 1n << 10n

/**
 * The first port that this process may open; 0 if it may open all, or if that is unknown (no
 * /proc). Read as ip(7) says: `status` is /proc/self/status, `start` the sysctl
 * ip_unprivileged_port_start.
 */
export function openPortsFrom(status = textOf('/proc/self/status'), start = textOf(UNPRIVILEGED)): number {
  const effective = /^CapEff:\s+([0-9a-f]+)/m.exec(status)
  if (effective === null || (BigInt(`0x${effective[1]}`) & MAY_BIND) !== 0n) return 0
  return Number(start)
}

const UNPRIVILEGED = '/proc/sys/net/ipv4/ip_unprivileged_port_start'

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
