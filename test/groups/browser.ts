import { loadBrowsing } from '../support/groups.ts'

await loadBrowsing()
