import { loadHalf } from '../support/groups.ts'

await loadHalf('engine', 1)
