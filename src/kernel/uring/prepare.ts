/**
 * Filling submission entries: one function for each operation that weir uses.
 *
 * `at` is an offset in the ring's arena. `word` and `generation` come back with every completion
 * (../user-data.ts). Nothing happens before `submit`; memory at `at` must stay until the last
 * completion, except for socket addresses and timespecs, which the kernel copies at submission.
 *
 * Sockets of a ring have no O_NONBLOCK: with it an operation waits as well, but under load, after
 * some retries, the kernel ends it with −EAGAIN instead (liburing issue 364, pull request 1601). If
 * O_NONBLOCK cannot be avoided, −EAGAIN means: poll, then retry.
 */

import { closes } from '../held.ts'
import {
  ACCEPT_MULTISHOT,
  ASYNC_CANCEL_ALL,
  ASYNC_CANCEL_FD,
  IOSQE_BUFFER_SELECT,
  Op,
  POLL_ADD_MULTI,
  RECV_MULTISHOT,
  RECVSEND_POLL_FIRST,
  Sqe,
} from './io-uring.ts'
import type { Ring } from './ring.ts'

/** The first word of an entry. */
const head = (opcode: number, flags: number, ioprio: number): number => opcode | (flags << 8) | (ioprio << 16)

const ACCEPT_REPEATEDLY = head(Op.ACCEPT, 0, ACCEPT_MULTISHOT)
const RECV_SELECT = head(Op.RECV, IOSQE_BUFFER_SELECT, 0)
const RECV_REPEATEDLY = head(Op.RECV, IOSQE_BUFFER_SELECT, RECV_MULTISHOT)
const RECV_REPEATEDLY_LATER = head(Op.RECV, IOSQE_BUFFER_SELECT, RECV_MULTISHOT | RECVSEND_POLL_FIRST)

const SOCK_CLOEXEC = 0x80000
const MSG_MORE = 0x8000
/**
 * A closed peer is −EPIPE, not a signal; the kernel finishes a short send: send(2),
 * io_uring_prep_send(3).
 */
const SEND_FLAGS = 0x4000 | 0x100 // MSG_NOSIGNAL | MSG_WAITALL

/**
 * Accepts until cancelled or failed: a completion, with the new descriptor, for each connection.
 */
export function prepareAccept(ring: Ring, fd: number, word: number, generation: number): void {
  put(ring, ACCEPT_REPEATEDLY, fd, 0, 0, SOCK_CLOEXEC, word, generation)
}

/** Connects to the socket address of `bytes` bytes at `at`. */
export function prepareConnect(
  ring: Ring,
  fd: number,
  at: number,
  bytes: number,
  word: number,
  generation: number,
): void {
  const entry = put(ring, Op.CONNECT, fd, ring.arena.base + at, 0, 0, word, generation)
  ring.sqes[entry + Sqe.OFF] = bytes
}

/** Receives at most `bytes` bytes at `at`: their number, 0 at the end of the stream. */
export function prepareRecv(
  ring: Ring,
  fd: number,
  at: number,
  bytes: number,
  word: number,
  generation: number,
): void {
  put(ring, Op.RECV, fd, ring.arena.base + at, bytes, 0, word, generation)
}

/** Receives into a buffer of `group`, taken once there are bytes (buffers.ts). */
export function prepareRecvSelect(
  ring: Ring,
  fd: number,
  group: number,
  word: number,
  generation: number,
): void {
  ring.sqes[put(ring, RECV_SELECT, fd, 0, 0, 0, word, generation) + Sqe.BUF_GROUP] = group
}

/**
 * The same repeatedly, until the end of the stream, −ENOBUFS, or a completion without CQE_F_MORE.
 *
 * @param isEmpty  Probably nothing has come yet: the kernel waits before it tries.
 */
export function prepareRecvMultishot(
  ring: Ring,
  fd: number,
  group: number,
  word: number,
  generation: number,
  isEmpty = false,
): void {
  const first = isEmpty ? RECV_REPEATEDLY_LATER : RECV_REPEATEDLY
  ring.sqes[put(ring, first, fd, 0, 0, 0, word, generation) + Sqe.BUF_GROUP] = group
}

/** Sends all `bytes` bytes at `at`; fewer only if the connection breaks. */
export function prepareSend(
  ring: Ring,
  fd: number,
  at: number,
  bytes: number,
  word: number,
  generation: number,
): void {
  put(ring, Op.SEND, fd, ring.arena.base + at, bytes, SEND_FLAGS, word, generation)
}

/**
 * The same, if more bytes or the end of the stream follow at once, as CQE_F_SOCK_NONEMPTY on the
 * receive says: the kernel delays a last small segment, at most 200 ms, so that the following bytes
 * join it (MSG_MORE, tcp(7)). A short answer and its FIN become one packet: 15 packets for a
 * proxied connection instead of 17.
 */
export function prepareSendMore(
  ring: Ring,
  fd: number,
  at: number,
  bytes: number,
  word: number,
  generation: number,
): void {
  put(ring, Op.SEND, fd, ring.arena.base + at, bytes, SEND_FLAGS | MSG_MORE, word, generation)
}

/**
 * Closes `fd`, whose number may be reused as soon as this is submitted. In order with earlier
 * entries, and silent, since the result of a close is useless; that saves a completion.
 */
export function prepareClose(ring: Ring, fd: number, word: number, generation: number): void {
  put(ring, Op.CLOSE, fd, 0, 0, 0, word, generation)
  ring.skipSuccess()
  closes(fd)
}

/** Reads at most `bytes` bytes from a descriptor without a position, such as an eventfd. */
export function prepareRead(
  ring: Ring,
  fd: number,
  at: number,
  bytes: number,
  word: number,
  generation: number,
): void {
  put(ring, Op.READ, fd, ring.arena.base + at, bytes, 0, word, generation)
}

/**
 * Completes once, with those of `events` (poll(2)) that hold; for spliced flows, which receive by
 * direct calls.
 */
export function preparePoll(ring: Ring, fd: number, events: number, word: number, generation: number): void {
  put(ring, Op.POLL_ADD, fd, 0, 0, events, word, generation)
}

/**
 * Completes when the peer has ended its stream (POLLRDHUP), or the socket has failed (POLLHUP,
 * POLLERR), each once: the kernel always reports all three (IO_POLL_UNMASK in io_uring/poll.c).
 */
export function preparePollMultishot(ring: Ring, fd: number, word: number, generation: number): void {
  put(ring, Op.POLL_ADD, fd, 0, POLL_ADD_MULTI, 0, word, generation)
}

/**
 * Cancels the operation with this user_data: 0, −ENOENT (it is over), −EALREADY (too late to
 * cancel).
 */
export function prepareCancel(
  ring: Ring,
  targetWord: number,
  targetGeneration: number,
  word: number,
  generation: number,
): void {
  const entry = put(ring, Op.ASYNC_CANCEL, -1, 0, 0, 0, word, generation)
  ring.sqes[entry + Sqe.ADDR] = targetWord
  ring.sqes[entry + Sqe.ADDR + 1] = targetGeneration
}

/** Cancels every operation on `fd`; each ends with its own completion. Returns their number. */
export function prepareCancelAll(ring: Ring, fd: number, word: number, generation: number): void {
  put(ring, Op.ASYNC_CANCEL, fd, 0, 0, ASYNC_CANCEL_FD | ASYNC_CANCEL_ALL, word, generation)
}

/** Fills the next entry, every word of it, and returns its position. `address` is the kernel's. */
function put(
  ring: Ring,
  first: number,
  fd: number,
  address: number,
  length: number,
  flags: number,
  word: number,
  generation: number,
): number {
  const at = ring.take()
  const sqes = ring.sqes
  sqes[at + Sqe.HEAD] = first
  sqes[at + Sqe.FD] = fd
  sqes[at + Sqe.OFF] = 0
  sqes[at + Sqe.OFF + 1] = 0
  sqes[at + Sqe.ADDR] = address
  sqes[at + Sqe.ADDR + 1] = address / 2 ** 32
  sqes[at + Sqe.LEN] = length
  sqes[at + Sqe.OP_FLAGS] = flags
  sqes[at + Sqe.USER_DATA] = word
  sqes[at + Sqe.USER_DATA + 1] = generation
  sqes[at + Sqe.BUF_GROUP] = 0
  sqes[at + Sqe.FILE_INDEX] = 0
  return at // the last four words are never written, hence always 0
}
