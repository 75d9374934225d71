import { load } from '../support/groups.ts'

await load('field', 'source')
