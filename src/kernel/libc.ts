/**
 * The C library, through `node:ffi`: the only module that calls it, with one table of its
 * functions.
 *
 * Every wrapper returns what the man page promises, or a negative errno; nothing here throws for a
 * kernel error. Without `node:ffi` (Node before 26.1, `--no-experimental-ffi`, the permission
 * model), `missing` gives the reason and nothing else here may be called: ask kernel/uring/probe.ts
 * first.
 *
 * Cost of a call, warm, of which the kernel's part is 90 ns (Node 26.10): up to 3 arguments 100–170
 * ns; 4 to 6 arguments 280–440 ns and an array to collect, since Node's wrapper then takes them as
 * a rest parameter; 8 and more 200 ns, by another path (Node's lib/internal/ffi/fast-api.js). So
 * what is called per connection is declared with spare arguments, which the C calling convention of
 * x86-64 and arm64 lets a callee ignore. After a system call everything is cold, and the same code
 * takes three times as long.
 *
 * So what is called for each request is kept short in four ways, which saved 10 % of a request and
 * of a connection: each function is a constant, V8 compiles Node's wrapper into its caller
 * (INLINING), an address below 2 GiB is an i32 and no bigint (LOW_SYMBOLS), and no argument of 64
 * bits is an integer, so that the wrapper's range check sees small integers only.
 */

import { setFlagsFromString } from 'node:v8'
import { keep, letGo, maps, unmaps } from './held.ts'

const SYMBOLS = {
  __errno_location: { return: 'pointer', arguments: [] }, // errno(3): one address in each thread
  // accept4(2), with 4 spare
  accept4: { return: 'i32', arguments: ['i32', 'pointer', 'pointer', 'i32', 'i32', 'i32', 'i32', 'i32'] },
  bind: { return: 'i32', arguments: ['i32', 'pointer', 'i32'] }, // bind(2)
  close: { return: 'i32', arguments: ['i32'] }, // close(2)
  connect: { return: 'i32', arguments: ['i32', 'pointer', 'i32'] }, // connect(2)
  epoll_create1: { return: 'i32', arguments: ['i32'] }, // epoll_create1(2)
  // epoll_ctl(2), epoll_wait(2), each with 4 spare
  epoll_ctl: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'pointer', 'i32', 'i32', 'i32', 'i32'] },
  epoll_wait: { return: 'i32', arguments: ['i32', 'pointer', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] },
  eventfd: { return: 'i32', arguments: ['u32', 'i32'] }, // eventfd(2)
  fcntl: { return: 'i32', arguments: ['i32', 'i32', 'i32'] }, // fcntl(2), integer argument
  getpeername: { return: 'i32', arguments: ['i32', 'pointer', 'pointer'] }, // getpeername(2)
  getsockname: { return: 'i32', arguments: ['i32', 'pointer', 'pointer'] }, // getsockname(2)
  // getsockopt(2), setsockopt(2), each with 3 spare
  getsockopt: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'pointer', 'pointer', 'i32', 'i32', 'i32'] },
  setsockopt: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'pointer', 'i32', 'i32', 'i32', 'i32'] },
  listen: { return: 'i32', arguments: ['i32', 'i32'] }, // listen(2)
  mmap: { return: 'i64', arguments: ['pointer', 'pointer', 'i32', 'i32', 'i32', 'pointer'] }, // mmap(2)
  munmap: { return: 'i32', arguments: ['pointer', 'pointer'] }, // munmap(2)
  pipe2: { return: 'i32', arguments: ['pointer', 'i32'] }, // pipe(2)
  poll: { return: 'i32', arguments: ['pointer', 'i32', 'i32'] }, // poll(2)
  // read(2), write(2), and send(2) with 4 spare. A length is a size_t, but fits here: a register's
  // upper half is then 0.
  read: { return: 'i32', arguments: ['i32', 'pointer', 'i32'] },
  recvmsg: { return: 'i32', arguments: ['i32', 'pointer', 'i32'] }, // recvmsg(2)
  sendmsg: { return: 'i32', arguments: ['i32', 'pointer', 'i32'] }, // sendmsg(2)
  write: { return: 'i32', arguments: ['i32', 'pointer', 'i32'] },
  send: { return: 'i32', arguments: ['i32', 'pointer', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] },
  shutdown: { return: 'i32', arguments: ['i32', 'i32'] }, // shutdown(2)
  socket: { return: 'i32', arguments: ['i32', 'i32', 'i32'] }, // socket(2)
  splice: { return: 'i32', arguments: ['i32', 'pointer', 'i32', 'pointer', 'i32', 'i32', 'i32', 'i32'] }, // splice(2), 2 spare
  // syscall(2): number, 6 arguments, 1 spare. The kernel narrows the integers of io_uring_enter, so
  // upper halves do not matter; the last is a size_t, and libffi leaves the upper half of a narrow
  // one on the stack unchanged.
  syscall: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'i32', 'i32', 'pointer', 'pointer', 'i32'] },
} as const

/** Functions called for each request or connection, with an address below LOW. */
const LOW_SYMBOLS = {
  connect: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  read: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  write: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
} as const

/** The same syscall(2) for rare calls: any argument may be an address. */
const SETUP_SYMBOLS = {
  syscall: {
    return: 'i64',
    arguments: ['pointer', 'pointer', 'pointer', 'pointer', 'pointer', 'pointer', 'pointer'],
  },
} as const

/**
 * V8 compiles a function together with those that it calls, up to a size that Node's wrapper of one
 * call exceeds. A wrapper that is not inlined calls through libffi, instead of directly. These
 * flags hold for the whole process; the comments give the defaults.
 */
const INLINING = [
  '--max-inlined-bytecode-size=4000', // 460: one function with its inlined code
  '--max-inlined-bytecode-size-cumulative=6000', // 920: all of those
  '--max-inlined-bytecode-size-absolute=9000', // 4600: including the small ones
]

/** Why nothing here can be called, and what would change that; '' if everything can. */
export const missing = whyMissing()

const ffi = process.getBuiltinModule('node:ffi')
const { c, low, setup, errno } = missing === '' ? load() : ({} as ReturnType<typeof load>)

// One constant for each; otherwise V8 looks up the function at every call, and inlines none of
// Node's wrapper.
const {
  accept4: c_accept4,
  bind: c_bind,
  close: c_close,
  connect: c_connect,
  epoll_create1: c_epoll_create1,
  epoll_ctl: c_epoll_ctl,
  epoll_wait: c_epoll_wait,
  eventfd: c_eventfd,
  fcntl: c_fcntl,
  getpeername: c_getpeername,
  getsockname: c_getsockname,
  getsockopt: c_getsockopt,
  listen: c_listen,
  mmap: c_mmap,
  munmap: c_munmap,
  pipe2: c_pipe2,
  poll: c_poll,
  read: c_read,
  recvmsg: c_recvmsg,
  send: c_send,
  sendmsg: c_sendmsg,
  setsockopt: c_setsockopt,
  shutdown: c_shutdown,
  socket: c_socket,
  splice: c_splice,
  syscall: c_syscall,
  write: c_write,
} = c ?? {}
const { connect: low_connect, read: low_read, write: low_write } = low ?? {}

function whyMissing(): string {
  const { platform, arch } = process
  if (platform !== 'linux') return `this is ${platform}; only Linux has io_uring and epoll`
  if (arch !== 'x64' && arch !== 'arm64') return `this is ${arch}; the layouts here are of x86-64 and arm64`
  try {
    process.getBuiltinModule('node:ffi').dlopen(null, {})
    return ''
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED'
      ? 'the permission model forbids node:ffi; --allow-ffi permits it'
      : `Node ${process.versions.node} has no node:ffi here; Node 26.1 or later without --no-experimental-ffi has it`
  }
}

function load() {
  for (const flag of INLINING) setFlagsFromString(flag)
  const { functions: c } = ffi.dlopen(null, SYMBOLS)
  const { functions: low } = ffi.dlopen(null, LOW_SYMBOLS)
  const { functions: setup } = ffi.dlopen(null, SETUP_SYMBOLS)
  return { c, low, setup, errno: new Int32Array(ffi.toArrayBuffer(c.__errno_location(), 4, false)) }
}

/** Addresses below this are i32. The program itself may be at the lowest ones. */
const LOW = 2 ** 31
const LOW_LEAST = 2 ** 28
/** An address is tried at each multiple of this: mapping takes a microsecond. */
const LOW_STEP = 2 ** 24
/** mmap(2), since Linux 4.17. */
const MAP_FIXED_NOREPLACE = 0x100000

/**
 * The result, or −errno.
 *
 * Read immediately after the call, through a mapping of this thread's errno, since anything that V8
 * calls may overwrite it. So −errno is right almost always: good enough to report and to retry,
 * never to decide alone what happens to bytes. EIO (5) if something reset it to 0: a failure stays
 * one.
 */
const orErrno = (result: number): number => (result === -1 ? -(errno[0] || 5) : result)

/**
 * A new descriptor, or −errno. The flags are those of accept4(2), and so are both addresses, if
 * given.
 */
export const accept4 = (fd: number, flags: number, address = 0n, bytes = 0n): number =>
  keep(orErrno(c_accept4(fd, address, bytes, flags, 0, 0, 0, 0)))
export const bind = (fd: number, address: bigint, bytes: number): number =>
  orErrno(c_bind(fd, address, bytes))
/** 0, or −errno: −EBADF. Linux frees the descriptor on −EINTR too: never retry. */
export const close = (fd: number): number => {
  letGo(fd)
  return orErrno(c_close(fd))
}
export const connect = (fd: number, at: number, bytes: number): number =>
  orErrno(at < LOW ? low_connect(fd, at, bytes) : c_connect(fd, BigInt(at), bytes))
export const epollCreate = (flags: number): number => keep(orErrno(c_epoll_create1(flags)))
/** `event` is the address of a struct epoll_event. */
export const epollCtl = (epoll: number, operation: number, fd: number, event: bigint): number =>
  orErrno(c_epoll_ctl(epoll, operation, fd, event, 0, 0, 0, 0))
/** The number of events at `events`, or −errno. */
export const epollWait = (epoll: number, events: bigint, count: number, timeoutMs: number): number =>
  orErrno(c_epoll_wait(epoll, events, count, timeoutMs, 0, 0, 0, 0))
export const eventfd = (initial: number, flags: number): number => orErrno(c_eventfd(initial, flags))
export const fcntl = (fd: number, command: number, argument: number): number =>
  orErrno(c_fcntl(fd, command, argument))
/** `address` and `bytes` (i32, in and out) as in the man page, both addresses of the arena. */
export const getpeername = (fd: number, address: bigint, bytes: bigint): number =>
  orErrno(c_getpeername(fd, address, bytes))
export const getsockname = (fd: number, address: bigint, bytes: bigint): number =>
  orErrno(c_getsockname(fd, address, bytes))
export const getsockopt = (fd: number, level: number, name: number, value: bigint, bytes: bigint): number =>
  orErrno(c_getsockopt(fd, level, name, value, bytes, 0, 0, 0))
export const setsockopt = (fd: number, level: number, name: number, value: bigint, bytes: number): number =>
  orErrno(c_setsockopt(fd, level, name, value, bytes, 0, 0, 0))
export const listen = (fd: number, backlog: number): number => orErrno(c_listen(fd, backlog))
/** The address, or −errno as a bigint. Read and write, `flags` and `offset` as in the man page. */
export const mmap = (bytes: number, flags: number, fd: number, offset: number): bigint => {
  const address = c_mmap(0n, BigInt(bytes), 3, flags, fd, BigInt(offset))
  return address === -1n ? BigInt(orErrno(-1)) : maps(address, bytes)
}
/** The same for anonymous memory, below LOW if there is room. */
export const mmapLow = (bytes: number, flags: number): bigint => {
  const step = Math.ceil(bytes / LOW_STEP) * LOW_STEP
  for (let at = LOW - step; at >= LOW_LEAST; at -= step) {
    const address = c_mmap(BigInt(at), BigInt(bytes), 3, flags | MAP_FIXED_NOREPLACE, -1, 0n)
    if (address === BigInt(at)) return maps(address, bytes)
    if (address !== -1n) c_munmap(address, BigInt(bytes)) // a kernel that does not know the flag
  }
  return mmap(bytes, flags, -1, 0)
}
export const munmap = (address: bigint, bytes: number): number => {
  unmaps(address)
  return orErrno(c_munmap(address, BigInt(bytes)))
}
/** Writes two i32, the reading end first, to `pair`. */
export const pipe2 = (pair: bigint, flags: number): number => orErrno(c_pipe2(pair, flags))
/** The number of pollfds at `fds`, of `count`, with events; or −errno. */
export const poll = (fds: bigint, count: number, timeoutMs: number): number =>
  orErrno(c_poll(fds, count, timeoutMs))
/**
 * Bytes received at `at`, 0 at the end of the stream, or −errno. On sockets it is recv(2), in half
 * the time.
 */
export const read = (fd: number, at: number, bytes: number): number =>
  orErrno(at < LOW ? low_read(fd, at, bytes) : c_read(fd, BigInt(at), bytes))
/**
 * Bytes sent, or −errno. On sockets it is send(2); −EPIPE causes no signal, since Node ignores
 * SIGPIPE.
 */
export const write = (fd: number, at: number, bytes: number): number =>
  orErrno(at < LOW ? low_write(fd, at, bytes) : c_write(fd, BigInt(at), bytes))
export const send = (fd: number, at: bigint, bytes: number, flags: number): number =>
  orErrno(c_send(fd, at, bytes, flags, 0, 0, 0, 0))
/** `header` is the address of a struct msghdr. */
export const sendmsg = (fd: number, header: bigint, flags: number): number =>
  orErrno(c_sendmsg(fd, header, flags))
/** The same; the descriptors that come along are the caller's to register. */
export const recvmsg = (fd: number, header: bigint, flags: number): number =>
  orErrno(c_recvmsg(fd, header, flags))
export const shutdown = (fd: number, how: number): number => orErrno(c_shutdown(fd, how))
export const socket = (domain: number, type: number, protocol: number): number =>
  keep(orErrno(c_socket(domain, type, protocol)))
/** Bytes moved from `from` to `to`, one of them a pipe, or −errno. */
export const splice = (from: number, to: number, bytes: number, flags: number): number =>
  orErrno(c_splice(from, 0n, to, 0n, bytes, flags, 0, 0))

/** io_uring_setup(2), system call 425 on every architecture: the ring's descriptor, or −errno. */
export const ioUringSetup = (entries: number, params: bigint): number =>
  orErrno(Number(setup.syscall(425n, BigInt(entries), params, 0n, 0n, 0n, 0n)))
/** io_uring_enter(2), 426: entries consumed, or −errno. */
export const ioUringEnter = (
  fd: number,
  submit: number,
  complete: number,
  flags: number,
  argument: bigint,
  bytes: bigint,
): number => orErrno(c_syscall(426, fd, submit, complete, flags, argument, bytes, 0))
/** io_uring_register(2), 427: 0 or more, or −errno. */
export const ioUringRegister = (fd: number, opcode: number, argument: bigint, count: number): number =>
  orErrno(Number(setup.syscall(427n, BigInt(fd), BigInt(opcode), argument, BigInt(count), 0n, 0n)))

/** A view of `bytes` bytes of memory at `address`; detach it before unmapping them. */
export const memory = (address: bigint, bytes: number): ArrayBuffer =>
  ffi.toArrayBuffer(address, bytes, false)
