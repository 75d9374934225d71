/**
 * Runs the module that the arguments name as containers do by default: io_uring's calls fail with
 * EPERM (seccomp(2)), as in the profiles of Docker and Kubernetes. Node begins anew, since libuv
 * has a ring of its own.
 */

const { dlopen, getRawPointer } = process.getBuiltinModule('node:ffi')
const { functions: c } = dlopen(null, {
  prctl: { return: 'i32', arguments: ['i32', 'u64', 'u64', 'u64', 'u64'] },
})

const [LOAD, IS_EQUAL, RETURN] = [0x20, 0x15, 0x06] // BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K: bpf(4)
const [ALLOW, EPERM] = [0x7fff0000, 0x00050001] // SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EPERM
const CALLS = [425, 426, 427] // io_uring_setup, io_uring_enter, io_uring_register

/** struct sock_filter: code u16, jt u8, jf u8, k u32. */
const PROGRAM = [
  [LOAD, 0, 0, 0], // the number of the call
  ...CALLS.map((call, index) => [IS_EQUAL, CALLS.length - index, 0, call]),
  [RETURN, 0, 0, ALLOW],
  [RETURN, 0, 0, EPERM],
]
const filter = Buffer.alloc(8 * PROGRAM.length)
for (const [index, [code, yes, no, operand]] of PROGRAM.entries()) {
  filter.writeUInt16LE(code, 8 * index)
  filter.writeUInt8(yes, 8 * index + 2)
  filter.writeUInt8(no, 8 * index + 3)
  filter.writeUInt32LE(operand, 8 * index + 4)
}
/** struct sock_fprog: the length u16, and where the filter is. */
const program = Buffer.alloc(16)
program.writeUInt16LE(PROGRAM.length, 0)
program.writeBigUInt64LE(getRawPointer(filter), 8)

const [NO_NEW_PRIVS, SECCOMP, MODE_FILTER] = [38, 22, 2n] // prctl(2)
if (c.prctl(NO_NEW_PRIVS, 1n, 0n, 0n, 0n) !== 0) throw new Error('no PR_SET_NO_NEW_PRIVS')
if (c.prctl(SECCOMP, MODE_FILTER, getRawPointer(program), 0n, 0n) !== 0) throw new Error('no filter')

process.execve(
  process.execPath,
  [process.execPath, ...process.execArgv, ...process.argv.slice(2)],
  process.env,
)
