/** Asks for a token: where the gateway answers nobody without one, and where one lets change more. */

import { html, nothing } from './lit.js'

export const TOKEN_NEEDED =
  'This gateway answers only those who give a token: admin.auth of its Settings names the files'
export const TOKEN_REFUSED =
  'The gateway refuses this token: it is none of those in the files that admin.auth names'
export const TOKEN_OFFERED = 'With a token of the role change, this page drains endpoints and accepts changes'

/**
 * @param onToken  Gets the token.
 * @param onLeave  For who does not want to; absent: nothing else can be shown.
 */
export const signIn = (why, onToken, onLeave) => html`<form
  id="sign-in"
  class="card sign-in"
  @submit=${event => {
    event.preventDefault()
    const { token } = event.target.elements
    onToken(token.value.trim())
    token.value = ''
  }}
>
  <h2>Sign in</h2>
  <p class=${why === TOKEN_REFUSED ? 'plain bad' : 'note'} role="status">${why}.</p>
  <label>Token <input name="token" type="password" required autocomplete="off" /></label>
  <p class="quiet plain">It is kept until this tab closes.</p>
  <div class="pager">
    <button type="submit">Sign in</button>
    ${onLeave ? html`<button type="button" @click=${onLeave}>Not now</button>` : nothing}
  </div>
</form>`
