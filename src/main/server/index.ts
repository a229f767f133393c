export { openInBrowser, runServe, USUAL_HOST, USUAL_PORT } from './run.ts'
