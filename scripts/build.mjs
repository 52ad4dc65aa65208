/** `npm run build`: installs what is missing, then compiles src/ to dist/. */
import { ensureBuilt, ensureInstalled } from './prepare.mjs'

ensureInstalled()
ensureBuilt(true)
