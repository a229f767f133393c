export { locateSidecar, sidecarEnvironment, type SidecarPlaces } from './locate.ts'
export {
  cancelled,
  createSidecar,
  throwIfAborted,
  type JobMethod,
  type RunJobOptions,
  type Sidecar,
  type SidecarOptions,
} from './sidecar.ts'
