export { openInBrowser, runServe, USUAL_HOST, USUAL_PORT, type RunServeOptions } from './run.ts'
export { serve, type RunningServer, type ServeOptions } from './serve.ts'
