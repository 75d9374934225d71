import { load } from '../support/groups.ts'

await load('net', 'stats', 'base', 'access-log')
