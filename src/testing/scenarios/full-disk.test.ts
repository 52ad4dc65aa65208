/** Full disks, for real. The long form is the same: npm run faults -- full-disk. */
import { test } from 'node:test'
import { fullDisk } from './full-disk.ts'

test('R6: full disks refuse growth only, lose nothing, and the cluster goes on by itself', async (t) => {
  const report = await fullDisk()
  if (report === null) t.skip('mounting a filesystem needs Linux and root')
})
