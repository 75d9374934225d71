/**
 * `weir run`: serves until a signal comes.
 *
 * The first SIGTERM or SIGINT drains and exits with 0; before that, a SIGTERM lets weir serve for
 * another `drain.lameDuck`. The second exits at once, with 128 and the signal's number, as a shell
 * reports a process that a signal has ended. SIGHUP reopens log files. On a terminal, where it
 * means that the terminal has closed, it drains instead. SIGUSR1 and SIGUSR2 are logged.
 */

import { flushCompileCache } from 'node:module'
import { type AdminPlace, formatAdminPlace } from '../admin/admin-place.ts'
import type { Admin } from '../admin/http.ts'
import { collectLoaded } from '../base/collect-garbage.ts'
import { settlesWithin } from '../base/settles-within.ts'
import type { AdminSettings, Settings } from '../config/settings/settings.ts'
import { Gateway } from '../control/gateway.ts'
import { KubernetesLog } from '../control/observe/kubernetes-log.ts'
import { createLog, type LogFormat, type Logger } from '../control/observe/log.ts'
import { type Overrides, overridden } from '../control/overrides.ts'
import { filesFlaw } from '../control/workers/machine-limits.ts'
import type { Sources } from '../source/files/files.ts'
import { cacheDirectory } from './cache-directory.ts'
import type { ClusterFlags } from './cluster.ts'
import { type Env, Exit, type Signal, wantsColours } from './env.ts'
import { logOutput } from './log-output.ts'
import { holderAt, PATIENT_MS_MAX, settingsIn, takenText, whyNot } from './second-instance.ts'
import { type ServiceManager, serviceManager } from './service-manager.ts'
import { versionOf } from './version.ts'

export type RunFlags = ClusterFlags & {
  readonly workers?: number
  readonly engine?: 'auto' | 'uring' | 'epoll' | 'node'
  /** false is `--no-admin`; true is commander's default, and means the same as undefined. */
  readonly admin?: AdminPlace | boolean
  readonly drainTimeout?: number
  readonly accessLog?: string
  readonly takeOver: boolean
  readonly logFormat?: LogFormat
  /** Another name of --log-format, as in every command. */
  readonly output?: LogFormat
  readonly demo: boolean
}

/** What was asked of the admin listener is answered before this process drains for another. */
const ANSWERED_MS_MAX = 500

/** Until the access log has what a second signal has reset. */
const LAST_LINES_MS_MAX = 500

/** As a shell reports a process that a signal has ended. */
const SIGNALLED = 128

/** After the start, what that has left is collected: a main thread that waits would keep it. */
const SETTLED_MS = 1_000

const SIGNAL_NUMBERS: { readonly [signal in Signal]: number } = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }

export async function run(sources: Sources, flags: RunFlags, env: Env): Promise<number> {
  const format = flags.logFormat ?? flags.output ?? (env.stdout.isTTY ? 'text' : 'json')
  const write = logOutput(env.stdout, ({ lines, why }) =>
    log.error({ lines, why }, `lines of this log that could not be written, and are lost: ${lines} (${why})`),
  )
  const log = createLog(write, { format, colours: wantsColours(env, env.stdout) })
  const kubernetes = flags.kubernetes ? await clusterFor(sources, flags, env, log) : null
  const read = [...sources.paths, ...(kubernetes ? [kubernetes.server] : [])].join(', ')
  log.info({ paths: sources.paths }, `weir ${versionOf()} starts: reads ${read}`)
  const overrides = overridesOf(flags)
  const asked = overridden(settingsIn(sources), overrides)
  const flaw = filesFlaw(asked)
  if (flaw) log[flaw.isFatal ? 'error' : 'warn'](flaw.message)
  if (flaw?.isFatal) return Exit.failed
  const place = placeOf(asked, flags)
  const start = await startAt(place, flags, log)
  if (start === 'refused') return Exit.failed
  const demo = flags.demo ? new (await import('./demo.ts')).Demo(sources, log) : null
  const exit = Promise.withResolvers<number>()
  const gateway: Gateway = Gateway.of({
    ...sources,
    overrides,
    log,
    kubernetes,
    cache: cacheDirectory(env.variables, 'documents'),
    onPublished: () => void demo?.refresh(),
    onPhase: phase => manager.tell(phase, statusOf(gateway)),
  })
  let isRead = false
  let signals = 0
  env.onStraySignal(signal =>
    log.warn({ signal }, `${signal} changes nothing: files are watched, and SIGHUP reopens the access log`),
  )
  env.onSignal(signal => {
    if (signal === 'SIGHUP' && !env.stdout.isTTY) {
      gateway.reopenLogs()
      return
    }
    signals++
    if (signals > 1) exit.resolve(SIGNALLED + SIGNAL_NUMBERS[signal])
    else if (!isRead) {
      gateway.stop().then(() => exit.resolve(Exit.ok), exit.reject) // it reads no further
    } else leave(gateway, signal, manager).then(() => exit.resolve(Exit.ok), exit.reject)
  })
  const manager = await serviceManager(env.variables, log, start === 'takes over')
  const reading = gateway.read()
  await demo?.refresh() // while another thread compiles, and so is the next
  if (flags.admin !== false) await loadAdmin()
  // A cluster may be away for long. Whoever looks after this process is to see that it waits.
  const isEarly = kubernetes !== null && start === 'as usual'
  const early = isEarly ? await openAdmin(gateway, asked.admin) : null
  isRead = (await reading) && signals === 0 && !(isEarly && early === null)
  const admin = isRead ? await serve(gateway, start === 'takes over' ? place : null, env, early) : early
  if (isRead && admin) {
    const { offer, settings } = gateway
    flushCompileCache() // now, so that the next start is quick however this process ends
    setTimeout(collectLoaded, SETTLED_MS).unref()
    demo?.tellWhatToTry()
    void gateway.failed.then(() => exit.resolve(Exit.failed))
    void offer.taken.then(async ({ pid }) => {
      signals = 1 // the next one ends at once
      manager.succeeded(pid, settings.drain.timeoutMs)
      await settlesWithin(admin.close(true), ANSWERED_MS_MAX) // no probe is told of the drain
      gateway.drain(0).then(() => exit.resolve(Exit.ok), exit.reject)
    })
  } else if (signals === 0) exit.resolve(Exit.failed)
  const code = await exit.promise
  if (code > SIGNALLED && isRead) await settlesWithin(gateway.stop(), LAST_LINES_MS_MAX)
  await Promise.all([admin?.close(), demo?.close()])
  manager.close()
  return code
}

async function clusterFor(sources: Sources, flags: RunFlags, env: Env, log: Logger) {
  const { clusterOf } = await import('./cluster.ts')
  return clusterOf(flags, sources, env, {
    onState: new KubernetesLog(log).add,
    onTrouble: why => log.warn(why),
    onPolled: why => log.warn(why),
    onCached: ageMs =>
      log.error(
        { ageMs },
        `the API server does not answer: weir serves what the cluster had ${Math.round(ageMs / 1000)} s ago, without Secrets`,
      ),
  })
}

/** A person at a terminal (SIGINT) does not wait for load balancers. */
function leave(gateway: Gateway, signal: Signal, manager: ServiceManager): Promise<void> {
  const { lameDuckMs, timeoutMs } = gateway.settings.drain
  const servedMs = signal === 'SIGTERM' ? lameDuckMs : 0
  manager.stopping(servedMs + timeoutMs)
  return gateway.drain(servedMs)
}

/** What is served, in a line. */
function statusOf({ serving, readiness }: Gateway): string {
  const { generation, compiled } = serving ?? {}
  const count = compiled?.listeners.length
  const { why } = readiness()
  return `generation ${generation}: ${count} listener${count === 1 ? '' : 's'}${why ? `, not ready: ${why}` : ''}`
}

/** Where the admin listener is to be; null: nowhere. */
const placeOf = (asked: Settings, { admin }: RunFlags): AdminPlace | null =>
  admin === false ? null : asked.admin

type Start = 'as usual' | 'takes over' | 'refused'

/** Noticed first: a second weir must not start workers only to end them. */
async function startAt(place: AdminPlace | null, { takeOver }: RunFlags, log: Logger): Promise<Start> {
  if (place === null) {
    if (takeOver)
      log.error('--take-over finds the running weir by the admin listener, and there is to be none')
    return takeOver ? 'refused' : 'as usual'
  }
  const holder = await holderAt(place, takeOver ? PATIENT_MS_MAX : undefined)
  const admin = formatAdminPlace(place)
  if (holder === null) {
    if (takeOver)
      log.info({ admin }, `no weir runs with the admin listener ${admin}: there is nothing to take over`)
    return 'as usual'
  }
  if (takeOver && holder.isWeir) {
    log.info({ admin }, `takes over from ${holder.who}`)
    return 'takes over'
  }
  log.error({ admin }, takenText(place, holder))
  return 'refused'
}

type OpenAdmin = Pick<Admin, 'close'>

/**
 * Begins to serve; the admin listener, or null if that cannot be.
 *
 * @param early  The admin listener, if it is open.
 */
async function serve(
  gateway: Gateway,
  running: AdminPlace | null,
  env: Env,
  early: OpenAdmin | null,
): Promise<OpenAdmin | null> {
  if (running !== null) return serveInstead(gateway, running, env)
  const admin = early ?? (await openAdmin(gateway, gateway.settings.admin))
  if (admin) await gateway.serve()
  return admin
}

/** The same in place of a running gateway, which serves on if this one cannot. */
async function serveInstead(gateway: Gateway, running: AdminPlace, env: Env): Promise<OpenAdmin | null> {
  const { log } = gateway
  const { takeOverFrom } = await import('./take-over.ts')
  const claim = await takeOverFrom(running, gateway.places, env)
  const why = typeof claim === 'string' ? claim : await gateway.serve(claim)
  if (typeof claim === 'string' || why !== '') {
    log.error(`the running weir serves on, and this one ends: ${why}`)
    await gateway.stop()
    return null
  }
  const admin = await openAdmin(gateway, gateway.settings.admin, claim.admin?.fd)
  if (admin === null) return null
  const failure = await claim.serving()
  const { pid, isAlone } = claim
  if (isAlone) log.warn({ pid }, `process ${pid} ended while this one was taking over: this one serves`)
  else if (failure !== '') log.warn({ pid }, `process ${pid} may not have left: ${failure}`)
  else log.info({ pid }, `took over from process ${pid}, which drains`)
  return admin
}

/** Loads fastify, which takes as long as a compilation. */
const loadAdmin = () => import('../admin/open.ts')

/**
 * The admin listener, which also answers while the workers start and drain; null if it cannot
 * listen.
 */
async function openAdmin(
  gateway: Gateway,
  admin: AdminSettings | null,
  inherited?: number,
): Promise<OpenAdmin | null> {
  const { log, offer } = gateway
  if (admin === null) return { close: async () => {} }
  try {
    const { openAdminOf } = await loadAdmin()
    const opened = await openAdminOf(gateway, admin, versionOf(), { inherited })
    const where = formatAdminPlace(opened)
    offer.admin = { place: where, fd: opened.fd }
    log.info({ admin: where }, `admin at ${opened.socket === '' ? `http://${where}/` : where}`)
    return opened
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    log.error(
      { code },
      `the admin listener cannot open ${formatAdminPlace(admin)} (${whyNot(admin, code)}): choose another with --admin, or --no-admin`,
    )
    await gateway.stop()
    return null
  }
}

function overridesOf({ workers, engine, admin, drainTimeout, accessLog }: RunFlags): Overrides {
  return {
    ...(workers === undefined ? {} : { workers }),
    ...(engine === undefined ? {} : { engine }),
    ...(admin === true || admin === undefined ? {} : { admin: admin || null }),
    ...(accessLog === undefined ? {} : { accessLogPath: accessLog }),
    ...(drainTimeout === undefined ? {} : { drain: { timeoutMs: drainTimeout } }),
  }
}
