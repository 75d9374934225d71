/** What a figure depends on beside the code: the machine, and how busy it was. */

import { existsSync, readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { wallTime } from '../src/base/clock.ts'

export type Machine = Readonly<Record<string, string>>

const GOVERNOR = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'

export function machine(): Machine {
  const processors = cpus()
  return {
    measured: wallTime(),
    kernel: `${type()} ${release()}`,
    processor: `${processors.length} × ${processors[0]?.model ?? 'unknown'}`,
    governor: existsSync(GOVERNOR) ? readFileSync(GOVERNOR, 'utf8').trim() : 'not shown by this kernel',
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    load: loadavg()[0].toFixed(1),
    node: `${process.version} (V8 ${process.versions.v8})`,
  }
}
