/** A process that dies of a thread with sessions of TLS; first it prints its server's key. */

import { Worker } from 'node:worker_threads'
import { SECRETS, SERVER } from './tls.ts'

process.stdout.write(SERVER.key.replace(/-----.*?-----|\n/g, ''))
new Worker(new URL('./dying-tls.ts', import.meta.url), { workerData: { secrets: SECRETS, how: 'throws' } })
