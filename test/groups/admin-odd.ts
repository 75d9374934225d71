import { loadHalf } from '../support/groups.ts'

await loadHalf('admin', 1)
