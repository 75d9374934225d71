/** Whether tests on epoll can run here. */

import { probeEpoll } from '../../src/kernel/epoll/probe.ts'

const { ok, reason } = probeEpoll()

/** For `test(name, { skip: withoutEpoll }, …)`. */
export const withoutEpoll: string | false = ok ? false : `needs epoll by node:ffi: ${reason}`
