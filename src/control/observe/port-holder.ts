/**
 * Who listens at an address and port: /proc/net/tcp has the inode of each socket, and the links in
 * /proc/PID/fd say who holds an inode (proc_net(5), proc_pid_fd(5)).
 *
 * Asked only when a listener cannot open. The processes of other users keep their links to
 * themselves, unless weir is root; then only the user is known.
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { isIP } from 'node:net'
import { formatAddress, parseAddress } from '../../address/address.ts'

type Holder = {
  /** null: a process of another user. */
  readonly pid: number | null
  /** Its command; '' if it is not known. */
  readonly command: string
  readonly uid: number
}

/** TCP_LISTEN, include/net/tcp_states.h. */
const LISTEN = '0A'
/** sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode */
const ROW = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) \S+ \S+ \S+\s+(\d+)\s+\d+ (\d+)/
/** Both families. */
const EVERY: ReadonlySet<string> = new Set(['', '::'])
const ANY_IPV4 = '0.0.0.0'

/**
 * The process whose socket keeps this one from being opened; another one before weir itself; null
 * if there is none, or no /proc.
 *
 * @param address  '' is every address.
 */
export function holderOf(address: string, port: number): Holder | null {
  const inodes = new Map<string, number>()
  for (const [file, family] of [
    ['/proc/net/tcp', 4],
    ['/proc/net/tcp6', 6],
  ] as const)
    for (const line of linesOf(file)) {
      const [, local, portText, state, uid, inode] = ROW.exec(line) ?? []
      if (state !== LISTEN || Number.parseInt(portText, 16) !== port) continue
      if (overlaps(address, addressOf(local, family))) inodes.set(inode, Number(uid))
    }
  const [first] = inodes.values()
  return first === undefined ? null : (processOf(inodes) ?? { pid: null, command: '', uid: first })
}

/** "nginx (process 812)", "a process of user 33". */
export const holderText = ({ pid, command, uid }: Holder): string =>
  pid === null ? `a process of user ${uid}` : `${command || 'a program'} (process ${pid})`

/** A socket of `::` holds the port of IPv4, too, unless it is for IPv6 alone. */
function overlaps(wanted: string, held: string): boolean {
  if (wanted === held || EVERY.has(wanted) || EVERY.has(held)) return true
  return isIP(wanted) === isIP(held) && (wanted === ANY_IPV4 || held === ANY_IPV4)
}

/** Words in the machine's byte order, which is little-endian wherever Node runs on Linux. */
function addressOf(hex: string, family: 4 | 6): string {
  const bytes = Buffer.from(hex, 'hex')
  bytes.swap32()
  if (family === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16))
  const found = parseAddress(groups.join(':'))
  return found ? formatAddress(found.family, found.words) : ''
}

function processOf(inodes: ReadonlyMap<string, number>): Holder | null {
  let own: Holder | null = null
  for (const entry of namesIn('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const uid = uidIn(entry, inodes)
    if (uid === null) continue
    const [command = ''] = linesOf(`/proc/${entry}/comm`)
    const holder = { pid: Number(entry), command, uid }
    if (holder.pid !== process.pid) return holder
    own = holder
  }
  return own
}

/** The user of the socket if the process holds one of these. */
function uidIn(pid: string, inodes: ReadonlyMap<string, number>): number | null {
  for (const fd of namesIn(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1]
    const uid = inode === undefined ? undefined : inodes.get(inode)
    if (uid !== undefined) return uid
  }
  return null
}

/** A process may end meanwhile, or belong to somebody else. */
const orElse = <Result>(body: () => Result, otherwise: Result): Result => {
  try {
    return body()
  } catch {
    return otherwise
  }
}

const namesIn = (folder: string): string[] => orElse(() => readdirSync(folder), [])
const linkOf = (path: string): string => orElse(() => readlinkSync(path), '')
const linesOf = (file: string): string[] => orElse(() => readFileSync(file, 'utf8').split('\n'), [])
