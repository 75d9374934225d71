/** The template library, from one place. Text in a template is text, never markup. */

export { repeat } from './lit/directives/repeat.js'
export { html, nothing, render } from './lit/lit-html.js'
