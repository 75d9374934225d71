/**
 * io_uring's memory layout and constants, under the kernel's names, without code.
 * include/uapi/linux/io_uring.h; the same on x86-64 and arm64, and never changed once shipped.
 */

/** Operations (sqe.opcode). */
export const Op = {
  POLL_ADD: 6,
  ACCEPT: 13,
  ASYNC_CANCEL: 14,
  CONNECT: 16,
  CLOSE: 19,
  READ: 22,
  SEND: 26,
  RECV: 27,
} as const

/** Flags of an entry (sqe.flags). */
export const IOSQE_IO_LINK = 1 << 2
export const IOSQE_BUFFER_SELECT = 1 << 5
export const IOSQE_CQE_SKIP_SUCCESS = 1 << 6

/** An entry of the submission queue: 64 bytes; these are its words. */
export const Sqe = {
  HEAD: 0, // opcode u8, flags u8, ioprio u16
  FD: 1,
  OFF: 2, // u64
  ADDR: 4, // u64
  LEN: 6,
  OP_FLAGS: 7,
  USER_DATA: 8, // u64
  BUF_GROUP: 10, // u16, personality u16
  FILE_INDEX: 11,
  WORDS: 16,
} as const

/** An entry of the completion queue: 16 bytes; these are its words. */
export const Cqe = { USER_DATA: 0, RES: 2, FLAGS: 3, WORDS: 4 } as const

/** Flags of a completion (cqe.flags). */
export const CQE_F_BUFFER = 1 << 0 // a provided buffer was taken: its number is flags >>> 16
export const CQE_F_MORE = 1 << 1 // a multishot operation goes on

/**
 * struct io_uring_params: 120 bytes; these are its words. Offsets are of the first ring mapping.
 */
export const Params = {
  SQ_ENTRIES: 0,
  CQ_ENTRIES: 1,
  FLAGS: 2,
  FEATURES: 5,
  SQ_HEAD: 10,
  SQ_TAIL: 11,
  SQ_FLAGS: 14,
  SQ_ARRAY: 16,
  CQ_HEAD: 20,
  CQ_TAIL: 21,
  CQ_OVERFLOW: 24,
  CQ_CQES: 25,
  BYTES: 120,
} as const

/** How a ring is made (io_uring_params.flags), with the first kernel that knows it. */
export const SETUP_CQSIZE = 1 << 3 // 5.5: the size of the completion queue is given
export const SETUP_SUBMIT_ALL = 1 << 7 // 5.18: a bad entry fails alone
export const SETUP_SINGLE_ISSUER = 1 << 12 // 6.0: one thread submits
export const SETUP_DEFER_TASKRUN = 1 << 13 // 6.1: completions are made while that thread waits, not in between
export const SETUP_NO_SQARRAY = 1 << 16 // 6.6: entries are taken in order, without a table of their numbers

/** Features that the kernel reports (io_uring_params.features). */
export const FEAT_SINGLE_MMAP = 1 << 0
export const FEAT_NODROP = 1 << 1
export const FEAT_EXT_ARG = 1 << 8
export const FEAT_NO_IOWAIT = 1 << 17 // 6.15

/** Flags that the kernel sets at run time (sq_off.flags). */
export const SQ_CQ_OVERFLOW = 1 << 1

/** io_uring_enter(2). */
export const ENTER_GETEVENTS = 1 << 0
export const ENTER_EXT_ARG = 1 << 3
export const ENTER_NO_IOWAIT = 1 << 7 // an idle processor is not shown as waiting for a disk

/** mmap(2) offsets: both queues in one mapping, the submission entries in another. */
export const OFF_SQ_RING = 0
export const OFF_SQES = 0x10000000

/** io_uring_register(2). */
export const REGISTER_PROBE = 8
export const REGISTER_PBUF_RING = 22
export const REGISTER_SYNC_CANCEL = 24

/** IORING_OP_ASYNC_CANCEL (sqe.cancel_flags). */
export const ASYNC_CANCEL_ALL = 1 << 0
export const ASYNC_CANCEL_FD = 1 << 1
export const ASYNC_CANCEL_ANY = 1 << 2

/** IORING_OP_POLL_ADD that repeats (sqe.len). */
export const POLL_ADD_MULTI = 1 << 0

/** Operations that repeat (sqe.ioprio). */
export const ACCEPT_MULTISHOT = 1 << 0
export const RECV_MULTISHOT = 1 << 1

/** A receive waits for bytes before it is tried (sqe.ioprio, 5.19). */
export const RECVSEND_POLL_FIRST = 1 << 0
