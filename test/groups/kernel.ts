import { load } from '../support/groups.ts'

await load('address', 'kernel', 'stats', 'base', 'access-log', 'wire')
