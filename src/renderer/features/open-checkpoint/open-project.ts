import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import { client, refusalInfo } from '../../bridge/index.ts'
import { projectAddress } from '../../route.ts'

/** Opens what lies at a path and goes to its project. Gives the reason where that cannot be. */
export function openPath(path: string): Promise<ErrorInfo | undefined> {
  return goTo(() => client.call('project.open', { path }))
}

/** Like openPath, for the checkpoint that comes with the studio. */
export function openSample(): Promise<ErrorInfo | undefined> {
  return goTo(async () => client.call('project.open', await client.call('sample.get', {})))
}

async function goTo(open: () => Promise<{ projectId: number }>): Promise<ErrorInfo | undefined> {
  try {
    const { projectId } = await open()
    window.location.hash = projectAddress(projectId)
    return undefined
  } catch (error) {
    return refusalInfo(error)
  }
}
