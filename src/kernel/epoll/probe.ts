/**
 * Whether the epoll kernel can run here, and if not, what would enable it, in one sentence. It
 * tries, since a container may forbid any call.
 */

import { Arena } from '../arena.ts'
import { Errno, errnoName } from '../errno.ts'
import * as libc from '../libc.ts'
import { openWake } from '../wake.ts'
import { ET, IN } from './epoll.ts'
import { POLLER_BYTES, Poller } from './poller.ts'

type EpollProbe = { readonly ok: boolean; readonly reason: string }

/** Tries it out on this thread. */
export function probeEpoll(): EpollProbe {
  const reason = libc.missing || probeCalls()
  return { ok: reason === '', reason }
}

function probeCalls(): string {
  const arena = Arena.map(POLLER_BYTES + 4096)
  if (typeof arena === 'number')
    return `no memory can be mapped (${errnoName(arena)}); a higher limit is needed`
  const poller = Poller.open(arena)
  const reason = typeof poller === 'number' ? refused('epoll_create1', poller) : probeEvents(poller)
  if (typeof poller !== 'number') poller.close()
  arena.unmap()
  return reason
}

/** As for a worker's wake. */
function probeEvents(poller: Poller): string {
  const fd = openWake()
  if (fd < 0) return refused('eventfd', fd)
  const added = poller.add(fd, IN | ET, 0)
  const events = added < 0 ? 0 : poller.wait(0)
  libc.close(fd)
  if (added < 0) return refused('epoll_ctl', added)
  return events < 0 ? refused('epoll_wait', events) : ''
}

export function refused(call: string, result: number): string {
  return `the kernel refuses ${call} (${errnoName(result)}); ${HINTS.get(-result) ?? `${call}(2) may say more`}`
}

const SECCOMP = 'a seccomp profile that allows epoll_create1, epoll_ctl, epoll_wait and eventfd2 enables it'

const HINTS = new Map<number, string>([
  [Errno.EPERM, SECCOMP],
  [Errno.EACCES, SECCOMP],
  [Errno.ENOSYS, SECCOMP],
  [Errno.EMFILE, 'a higher limit of open files (RLIMIT_NOFILE) is needed'],
  [Errno.ENFILE, 'a higher limit of open files (fs.file-max) is needed'],
  [Errno.ENOSPC, 'a higher fs.epoll.max_user_watches is needed'],
  [Errno.ENOMEM, 'a higher memory limit is needed'],
])
