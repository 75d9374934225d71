/** One turn of the event loop. */
export { setImmediate as turn } from 'node:timers/promises'
