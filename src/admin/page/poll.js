/**
 * Polls the gateway: one request a second while the page is visible, none while it is hidden.
 *
 * If an answer fails, polling continues at the same pace, and the page shows since when.
 */

const EVERY_MS = 1_000
const PATIENCE_MS = 4_000

const TOKEN = 'weir-token'

/** The token that was given, for as long as the tab is open; null: none. */
export const token = () => sessionStorage.getItem(TOKEN)
export const setToken = text =>
  text === null ? sessionStorage.removeItem(TOKEN) : sessionStorage.setItem(TOKEN, text)

/** A JSON answer; throws the gateway's `{ message, hint, code }` if it refuses. */
export const ask = path => send('GET', path)

export async function send(method, path, body) {
  const given = token()
  const answer = await fetch(path, {
    method,
    signal: AbortSignal.timeout(PATIENCE_MS),
    headers: {
      ...(given === null ? {} : { authorization: `Bearer ${given}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const said = await answer.json()
  if (answer.ok) return said
  const { message, hint, code } = said
  throw Object.assign(new Error(message), { hint, code, answered: true })
}

/** @param {{ onAnswer(body: object): void, onSilence(error: Error): void }} told */
export function poll(path, { onAnswer, onSilence }) {
  let timer = null
  let isAsking = false
  const next = () => {
    clearTimeout(timer)
    timer = document.hidden ? null : setTimeout(once, EVERY_MS)
  }
  async function once() {
    if (isAsking) return
    isAsking = true
    let body = null
    try {
      body = await ask(path)
    } catch (error) {
      onSilence(error)
    }
    isAsking = false
    next()
    if (body) onAnswer(body)
  }
  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : once()))
  once()
}
