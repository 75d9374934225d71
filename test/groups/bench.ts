import { load } from '../support/groups.ts'

await load('bench')
