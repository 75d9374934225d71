/**
 * The page of a weir gateway. The address names a view (router.js). Each view says what to ask the
 * gateway for and how often, and turns the answers into a template.
 *
 * Beside that, the page asks for /overview once a second, wherever it is: for the head, the rates and
 * the charts.
 */

import './chart.js'
import { clock, duration, plural } from './format.js'
import { History } from './history.js'
import { html, nothing, render } from './lit.js'
import { facts, letKeysScroll, loading, refused } from './parts.js'
import { ask, poll, send, setToken, token } from './poll.js'
import { change, href, route } from './router.js'
import { signIn, TOKEN_NEEDED, TOKEN_OFFERED, TOKEN_REFUSED } from './sign-in.js'
import { certificates } from './view-certificates.js'
import { connections } from './view-connections.js'
import { endpoints } from './view-endpoints.js'
import { explain } from './view-explain.js'
import { fleet } from './view-fleet.js'
import { listeners } from './view-listeners.js'
import { overview } from './view-overview.js'
import { policies } from './view-policies.js'
import { reloads } from './view-reloads.js'
import { rule } from './view-rule.js'
import { rules } from './view-rules.js'

const VIEWS = {
  '': overview,
  fleet,
  rules,
  rule,
  endpoints,
  connections,
  listeners,
  certificates,
  policies,
  explain,
  reloads,
}
const RANGES = [
  ['', '10 min', 600],
  ['2m', '2 min', 120],
  ['1h', '1 h', 3600],
]
const byId = id => document.getElementById(id)

const history = new History()
/** What is shown: the address, and what the gateway said to it. */
let now = { hash: null, view: undefined, params: {}, data: null, problem: null, askedMs: -Infinity }
let asking = null
let silentSince = null
let silence = null
let isPaused = false
/** What the token lets do: `{ who, role }`; null: there is none. */
let access = null
/** Why a token is asked for, though the page can read without one; null: it is not. */
let tokenWanted = null

/** Shows the view of the address; within one view, what was there stays until the answer comes. */
function visit() {
  const { view: name, params } = route()
  const view = VIEWS[name]
  if (location.hash === now.hash) return
  const isSame = view === now.view && name !== 'rule'
  const isFirst = now.hash === null
  now = {
    hash: location.hash,
    name,
    view,
    params,
    data: isSame ? now.data : null,
    problem: null,
    askedMs: -Infinity,
  }
  show()
  byId('head').querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  if (!isSame && !isFirst) {
    byId('main').focus({ preventScroll: true })
    scrollTo(0, 0)
  }
  void load()
}

async function load() {
  const mine = now
  if (!mine.view || asking === mine) return
  asking = mine
  mine.askedMs = performance.now()
  try {
    const data = await mine.view.load({ params: mine.params, ask, history })
    Object.assign(mine, { data, problem: null })
  } catch (error) {
    if (error.answered) Object.assign(mine, { problem: error })
  }
  if (asking === mine) asking = null
  if (mine === now) show()
}

function show() {
  const { view, params } = now
  document.body.classList.toggle('silent', silentSince !== null && !wantsToken())
  const title = view ? (params.rule ?? view.title) : 'No such view'
  const { summary } = history.last ?? {}
  document.title = `${summary && !summary.ready ? '▲ ' : ''}${title} – weir`
  const rangeS = RANGES.find(([value]) => value === (params.range ?? ''))?.[2] ?? RANGES[0][2]
  render(head(summary), byId('head'))
  render(goneText(), byId('gone'))
  byId('gone').hidden = silentSince === null || wantsToken()
  render(content({ ...now, answer: history.last, history, rangeS, may: mayChange() }), byId('main'))
  render(footer(summary), byId('access'))
  letKeysScroll(byId('main'))
}

function content(shown) {
  const { view, data, problem, answer } = shown
  if (wantsToken()) return signIn(silence.code === 'no-token' ? TOKEN_NEEDED : TOKEN_REFUSED, signedIn)
  if (tokenWanted) return signIn(tokenWanted, signedIn, stopAsking)
  if (!view) return lost()
  if (problem) return refused(problem)
  if (!answer || (data === null && view !== overview)) return silentSince === null ? loading : nothing
  return view.show(shown)
}

const lost = () => html`<div class="card">
  <h2>There is no such view</h2>
  <p>The address <code>${location.hash}</code> names none. <a href=${href('')}>Go to the overview</a></p>
</div>`

/** Whether the gateway answers nobody without a token that it knows. */
const wantsToken = () => silence?.code === 'no-token' || silence?.code === 'not-allowed'

function stopAsking() {
  tokenWanted = null
  show()
}

function signedIn(text) {
  setToken(text)
  silence = tokenWanted = null
  void learnAccess()
}

/** What the token lets do; without one the page only reads. */
async function learnAccess() {
  try {
    const said = token() === null ? null : await ask('/access')
    access = said?.byToken ? said : null
    if (said && !said.byToken) {
      setToken(null)
      tokenWanted = TOKEN_REFUSED
    }
  } catch (error) {
    access = null
    if (error.answered) {
      silence = error
      silentSince ??= new Date()
    }
  }
  show()
  void load()
}

/** The means to change something, for views that offer it; null: this page only reads. */
function mayChange() {
  if (access?.role !== 'change') return null
  return {
    done: () => void load(),
    async send(method, path, body) {
      try {
        return await send(method, path, body)
      } catch (error) {
        alert(`${error.message}${error.hint ? `\n${error.hint}` : ''}`)
        return null
      }
    },
  }
}

/** Which weir this is, and what the page may do. */
function footer(summary) {
  const which = summary
    ? html`<span>weir ${summary.version}, ${summary.engine}, ${plural(summary.workers, 'worker')}</span>`
    : nothing
  return html`${which} ${mayText()}`
}

const mayText = () =>
  access === null
    ? html`This page only reads. <button type="button" class="small" @click=${askToken}>Give a token</button>`
    : html`${access.who} may ${access.role === 'change' ? 'change' : 'read'}.
        <button type="button" class="small" @click=${forget}>Sign out</button>`

function askToken() {
  tokenWanted = TOKEN_OFFERED
  show()
  byId('sign-in').elements.token.focus()
}

function forget() {
  setToken(null)
  void learnAccess()
}

const NAV = Object.entries(VIEWS).filter(([, view]) => view.under === undefined)

function head(summary) {
  const { name, params, view } = now
  return html`<div class="bar">
      <h1><a href=${href('')}><img src="/weir.svg" alt="" width="28" height="28" /> weir</a></h1>
      ${state(summary)}
      ${
        summary
          ? facts([
              ['Generation', String(summary.generation)],
              ['Up', duration(Math.floor(summary.uptimeS))],
            ])
          : nothing
      }
    </div>
    <div class="menu">
      <nav aria-label="Views">
        ${NAV.filter(([, view]) => view.isOffered?.(history.last) ?? true).map(
          ([to, { title }]) =>
            html`<a href=${href(to)} aria-current=${to === name || to === view?.under ? 'page' : nothing}>${title}</a>`,
        )}
      </nav>
      <div class="controls">
        <nav class="ranges" aria-label="Time range of charts">
          ${RANGES.toSorted((a, b) => a[2] - b[2]).map(
            ([value, text]) =>
              html`<a href=${change({ range: value })} aria-current=${value === (params.range ?? '') ? 'true' : nothing}>${text}</a>`,
          )}
        </nav>
        <button type="button" class="small" aria-pressed=${String(isPaused)} @click=${pause}>
          ${isPaused ? 'Paused' : 'Pause'}
        </button>
      </div>
    </div>`
}

/** Lists stay as they are, for reading; the head and the charts go on. */
function pause() {
  isPaused = !isPaused
  if (!isPaused) void load()
  show()
}

function state(summary) {
  const [kind, text] = stateOf(summary)
  return html`<p id="state" class="pill" role="status" data-kind=${kind}>${text}</p>`
}

function stateOf(summary) {
  if (wantsToken()) return ['warn', silence.code === 'no-token' ? '▲ Sign in' : '✕ Token refused']
  if (silence) return ['gone', `✕ ${silence.answered ? silence.message : 'No answer'}`]
  if (!summary) return ['', 'Asking …']
  if (summary.draining) return ['warn', '▼ Draining']
  if (summary.ready) return ['good', '● Ready']
  return ['warn', `▲ ${summary.why === 'no-listener' ? 'Nothing to serve' : 'Not ready'}`]
}

function goneText() {
  if (silentSince === null) return nothing
  const { last } = history
  const shown = last ? ` What is shown is of ${clock(new Date(last.t * 1000))}.` : ''
  const why = silence.answered ? `The gateway answers: ${silence.message}` : 'The gateway does not answer'
  return `${why}, since ${clock(silentSince)}.${shown} It is asked again every second.`
}

addEventListener('hashchange', visit)
if (token() !== null) void learnAccess()
byId('skip').addEventListener('click', () => byId('main').focus())
visit()
poll('/overview', {
  onAnswer(answer) {
    silentSince = silence = null
    history.add(answer)
    if (!isPaused && performance.now() - now.askedMs >= (now.view?.everyMs ?? Infinity) - 100) void load()
    show()
  },
  onSilence(error) {
    silentSince ??= new Date()
    silence = error
    show()
  },
})
