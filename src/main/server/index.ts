export { registerServe, runServe } from './register.ts'
export { serve, type RunningServer, type ServeOptions } from './serve.ts'
